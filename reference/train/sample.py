"""What a contrastive step sees: items of one source, each a text, something that means the same, and texts that do not."""

import math
from collections.abc import Callable
from random import Random

import numpy as np

from .corpus import Corpus
from .noise import cropped, noisy
from .text import key, random_of

Item = tuple[str, str, list[str]]
Source = tuple[int, Callable[[int, Random], Item]]  # how many items, and item i


def sources(read: Corpus, negations: dict[str, list], without: tuple[str, ...] = (), long: float = math.inf) -> dict[str, Source]:
    """
    Every source of contrastive items by its name; those without any items, and those left out, are missing. Of the composed groups, those whose
    sentences have fewer than `long` characters: a longer one says more than its opposite contradicts.
    """
    nli: dict[str, dict[str, list[str]]] = {}
    for premise, hypothesis, relation in read.nli:
        nli.setdefault(premise, {}).setdefault(relation, []).append(hypothesis)
    entailed = [(premise, by) for premise, by in nli.items() if "entailment" in by]
    alike = [(a, b) for rows in read.sts.values() for a, b, score in rows if score >= 0.8 and key(a) != key(b)]
    plain = [text for text, _ in read.texts if 8 <= len(text) <= 80]
    lines = zip(read.texts, read.texts[1:])
    following = [(a, b) for (a, _), (b, on) in lines if on and 12 <= len(a) <= 120 and 12 <= len(b) <= 120 and key(a) != key(b)]
    different: dict[str, list[str]] = {}
    for a, b in read.different:
        different.setdefault(key(a), []).append(b)
        different.setdefault(key(b), []).append(a)

    def from_nli(i: int, random: Random) -> Item:
        premise, by = entailed[i]
        return premise, random.choice(by["entailment"]), [random.choice(by["contradiction"])] if "contradiction" in by else []

    def from_groups(groups: list[list[str]]) -> Callable[[int, Random], Item]:
        def item(i: int, random: Random) -> Item:
            a, b = random.sample(groups[i], 2)
            return a, b, []

        return item

    def from_pairs(pairs: list) -> Callable[[int, Random], Item]:
        def item(i: int, random: Random) -> Item:
            a, b = pairs[i] if random.random() < 0.5 else pairs[i][::-1]
            return a, b, [random.choice(different[key(a)])] if key(a) in different else []

        return item

    composed = [group for group in read.composed if max(map(len, group)) < long]

    def from_composed(i: int, random: Random) -> Item:
        group = composed[i]
        a, b = (group.text, group.same) if random.random() < 0.5 else (group.same, group.text)
        return a, b, [group.opposite]

    def from_text(i: int, random: Random) -> Item:
        return plain[i], noisy(plain[i], random), []

    def from_news(i: int, random: Random) -> Item:
        return cropped(read.news[i], random), cropped(read.news[i], random), []

    def from_documents(i: int, random: Random) -> Item:
        return *following[i], []

    built = [(kind, item) for kind, items in negations.items() for item in items] if "negation" not in without else []
    by_kind = {kind: [item for k, item in built if k == kind] for kind in negations}

    def from_negations(i: int, random: Random) -> Item:
        # Paraphrases are few and worth most: half of the items. `i` only spreads the draws over the long list of the others.
        kind = "paraphrase" if by_kind.get("paraphrase") and random.random() < 0.5 else built[i][0]
        items = by_kind[kind]
        text, same, opposite = random.choice(items) if kind == "paraphrase" else built[i][1]
        return text, same if same is not None else noisy(text, random), [random.choice(opposite)]

    out: dict[str, Source] = {
        "nli": (len(entailed), from_nli),
        "sts": (len(alike), from_pairs(alike)),
        "noisy": (len(plain), from_text),
        "negation": (len(built), from_negations),
        "composed": (len(composed), from_composed),
        "news": (len(read.news), from_news),
        "document": (len(following), from_documents),
        **{name: (len(groups), from_groups(groups)) for name, groups in read.groups.items()},
        **{name: (len(pairs), from_pairs(pairs)) for name, pairs in read.pairs.items()},
    }
    return {name: source for name, source in out.items() if source[0] and name not in without}


def draw(all_sources: dict[str, Source], mix: dict[str, float], size: int, random: Random) -> list[Item]:
    """A batch of one source, chosen by its share; no item twice, and no two items with the same text."""
    names = [name for name in mix if name in all_sources]
    name = random.choices(names, [mix[n] for n in names])[0]
    count, item = all_sources[name]
    batch, seen = [], set()
    for i in random.sample(range(count), min(count, size)):
        a, b, negatives = item(i, random)
        if key(a) not in seen and key(b) not in seen:
            seen |= {key(a), key(b)}
            batch.append((a, b, negatives))
    return batch


def same_texts(batch: list[Item]) -> np.ndarray:
    """[B,B]: where b[j] has the text of a[i] or of b[i], j != i. After `draw` nowhere; a batch from elsewhere may have such places."""
    numbers: dict[str, int] = {}
    first, second = (np.array([numbers.setdefault(key(item[side]), len(numbers)) for item in batch]) for side in (0, 1))
    out = (first[:, None] == second) | (second[:, None] == second)
    return out & ~np.eye(len(batch), dtype=bool)


def batch_of(all_sources: dict[str, Source], mix: dict[str, float], size: int, *seed: object) -> list[Item]:
    """The batch that belongs to a seed: the same whenever it is asked for. A source that has too few texts gives a smaller one."""
    for attempt in range(100):
        batch = draw(all_sources, mix, size, random_of(*seed, attempt))
        if len(batch) > 1:
            return batch
    raise SystemExit("no contrastive source gives a batch of two texts or more: is the data folder complete?")
