"""Sequences for masked language modelling, and batches of them that need no padding."""

from dataclasses import dataclass

import numpy as np

from .text import seed_of
from .vocab import CLS, SEP

SHORTEST, LONGEST = 8, 126


@dataclass(frozen=True)
class Packed:
    """Sequences end to end: sequence i is ids[starts[i] : starts[i + 1]], with [CLS] and [SEP]."""

    ids: np.ndarray  # int32 [tokens]
    starts: np.ndarray  # int64 [sequences + 1]

    def __len__(self) -> int:
        return len(self.starts) - 1


def end_to_end(sequences: list[np.ndarray]) -> Packed:
    ids = np.concatenate(sequences).astype(np.int32) if sequences else np.zeros(0, np.int32)
    return Packed(ids, np.cumsum([0, *(len(s) for s in sequences)]))


def pack(texts: list[np.ndarray], goes_on: list[bool], longest: int) -> Packed:
    """
    One text a sequence; but lines that follow one another in a document are joined up to 24 tokens or more, and so are texts that are too
    short to learn from alone. `texts` are ids without [CLS] and [SEP].
    """
    room = min(LONGEST, longest - 2)
    sequences: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    length = 0

    def close() -> None:
        nonlocal waiting, length
        if length:
            sequences.append(np.concatenate([[CLS], *waiting, [SEP]]).astype(np.int32))
        waiting, length = [], 0

    for ids, on in zip(texts, goes_on):
        ids = ids[:room]
        join = length + len(ids) <= room and ((on and length < 24) or length < SHORTEST)
        if not join:
            close()
        waiting.append(ids)
        length += len(ids)
    close()
    return end_to_end(sequences)


def batches(packed: Packed, tokens: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The sequences of one epoch in batches of one length and about `tokens` tokens, shuffled."""
    lengths = np.diff(packed.starts)
    random = np.random.default_rng(seed_of(seed, "epoch", epoch))
    order = random.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    out: list[np.ndarray] = []
    each, first = np.unique(lengths[order], return_index=True)
    for length, same in zip(each, np.split(order, first[1:])):
        size = max(1, tokens // int(length))
        out += [same[i : i + size] for i in range(0, len(same), size)]
    return [out[i] for i in random.permutation(len(out))]


def rows(packed: Packed, which: np.ndarray) -> np.ndarray:
    """[B,L] ids of sequences of one length."""
    length = int(packed.starts[which[0] + 1] - packed.starts[which[0]])
    return packed.ids[packed.starts[which][:, None] + np.arange(length)]
