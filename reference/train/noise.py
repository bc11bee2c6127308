"""Texts as hurried people type them: spaces lost or put in wrong places, letters doubled, swapped or missing, words left out."""

from random import Random


def spacing(text: str, random: Random, rate: float = 0.3) -> str:
    """Drops spaces, and now and then puts one inside a word."""
    out = []
    for i, c in enumerate(text):
        if c == " " and random.random() < rate:
            continue
        out.append(c)
        if c != " " and i + 1 < len(text) and text[i + 1] != " " and random.random() < rate / 10:
            out.append(" ")
    return "".join(out)


def no_spaces(text: str) -> str:
    return text.replace(" ", "")


def typing(text: str, random: Random) -> str:
    """One slip of the finger."""
    if len(text) < 4:
        return text
    i = random.randrange(1, len(text) - 1)
    return random.choice((text[:i] + text[i + 1 :], text[:i] + text[i + 1] + text[i] + text[i + 2 :], text[:i] + text[i] + text[i:]))


def words(text: str, random: Random) -> str:
    """A word left out, or two that changed places."""
    parts = text.split(" ")
    if len(parts) < 4:
        return text
    i = random.randrange(len(parts) - 1)
    if random.random() < 0.5:
        del parts[i]
    else:
        parts[i], parts[i + 1] = parts[i + 1], parts[i]
    return " ".join(parts)


def cropped(text: str, random: Random) -> str:
    """Some of its words, in their order: what two such copies have in common is what the text is about."""
    words = text.split(" ")
    kept = [word for word in words if random.random() < 0.6]
    return " ".join(kept if len(kept) > 1 else words)


NEGATIVE = ("안", "못", "않", "없", "아니", "아닙", "모르", "모릅", "말")


def common_start(a: str, b: str) -> str:
    n = 0
    while n < min(len(a), len(b)) and a[n] == b[n] and a[n].isalnum():
        n += 1
    return a[:n]


def renamed(a: str, b: str, stems: list[str], random: Random) -> tuple[str, str]:
    """
    A pair that is about something else and as alike as before: a word that both have, up to its particle, becomes another in both.
    What few pairs teach about a shared word is meant to hold for words that are in none of them.
    """
    shared = {common_start(x, y) for x in a.split(" ")[:-1] for y in b.split(" ")[:-1]}  # not the last ones: those are verbs
    shared = sorted(stem for stem in shared if len(stem) > 1 and stem[0] != "있" and not any(word in stem for word in NEGATIVE))
    if not shared or not stems:
        return a, b
    old, new = random.choice(shared), random.choice(stems)
    return tuple(" ".join(new + word[len(old) :] if word.startswith(old) else word for word in text.split(" ")) for text in (a, b))


def stems_of(texts: list[str], most: int, random: Random) -> list[str]:
    """What `renamed` puts in: first syllables of words, as often as they occur. Fewer than `most` where hardly a word has any."""
    out: list[str] = []
    for _ in range(100 * most):
        if len(out) == most:
            break
        word = random.choice(random.choice(texts).split(" "))
        stem = word[: random.choice((2, 2, 3))]
        if len(word) > 2 and stem.isalpha() and not any(part in stem for part in NEGATIVE):
            out.append(stem)
    return out


def noisy(text: str, random: Random) -> str:
    """A copy that means the same, more or less. Words that negate are never touched."""
    kinds = [lambda t: spacing(t, random), lambda t: no_spaces(t)]
    if not any(word in text for word in NEGATIVE):
        kinds += [lambda t: typing(t, random), lambda t: words(t, random), lambda t: spacing(typing(t, random), random)]
    copy = random.choice(kinds)(text)
    if random.random() < 0.3:
        copy = copy.rstrip(".!?")
    return copy
