"""Slices cut from train to choose by: balanced by label, and kept apart from training by sentence and by paraphrase group."""

from collections import defaultdict

from .text import key, random_of

Scored = tuple[str, str, float]
BINS = 5


def bin_of(score: float) -> int:
    """0 to 4, of a score from 0 to 1."""
    return min(BINS - 1, int(score * BINS))


def components(pairs: list[Scored]) -> list[int]:
    """For each pair the number of its component: pairs that share a sentence, directly or through others, have the same one."""
    parent: dict[str, str] = {}

    def root(x: str) -> str:
        parent.setdefault(x, x)
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for a, b, _ in pairs:
        parent[root(key(a))] = root(key(b))
    numbers: dict[str, int] = {}
    return [numbers.setdefault(root(key(a)), len(numbers)) for a, _, _ in pairs]


def cut(pairs: list[Scored], size: int, groups: dict[str, int], apart: set[int], seed: int) -> tuple[list[Scored], list[Scored], list[Scored]]:
    """
    (train, slice, dropped). The slice has `size` pairs or fewer, the same number in each fifth of the scores, as far as there are enough.
    `groups` tells the paraphrase group of a sentence by its key; groups in `apart` belong to the slice alone. A pair with one foot in such a
    group and one outside is dropped; so is what shares a sentence with the slice and was not needed there.
    """
    inside, outside, dropped = [], [], []
    for pair in pairs:
        feet = [groups.get(key(text)) for text in pair[:2]]
        held = [group in apart for group in feet]
        grouped = [group is not None for group in feet]
        if all(held):
            inside.append(pair)
        elif any(held):
            dropped.append(pair)
        elif not any(grouped):
            outside.append(pair)
    train = [p for p in pairs if any(key(t) in groups for t in p[:2]) and not any(groups.get(key(t)) in apart for t in p[:2])]
    # Sentences of train pairs with a foot in a group belong to train, and so does every component they touch.
    taken = {key(t) for p in train for t in p[:2]}
    whole = defaultdict(list)
    for pair, number in zip(outside, components(outside)):
        whole[number].append(pair)
    free = []
    for members in whole.values():
        if any(key(t) in taken for p in members for t in p[:2]):
            train += members
        else:
            free.append(members)
    random = random_of(seed, "slice")
    candidates = [[pair] for pair in inside] + free
    random.shuffle(candidates)
    candidates.sort(key=len)  # small components first: they cost train the fewest pairs
    room = {b: size // BINS for b in range(BINS)}
    chosen, rest = [], []
    for members in candidates:
        wanted = [b for b in map(bin_of, (p[2] for p in members)) if room[b] > 0]
        if not wanted or len(members) > 20:
            (dropped if groups.get(key(members[0][0])) in apart else rest).extend(members)
            continue
        for pair in members:
            if room[bin_of(pair[2])] > 0:
                room[bin_of(pair[2])] -= 1
                chosen.append(pair)
            else:
                dropped.append(pair)
    return train + rest, chosen, dropped


def group_numbers(groups: list[list[str]]) -> dict[str, int]:
    """Key of a sentence to the number of its group."""
    return {key(text): number for number, group in enumerate(groups) for text in group}
