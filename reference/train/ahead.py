"""The batches of the steps to come, made by other processes while the GPU computes."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from torch.utils.data import DataLoader, Dataset


class Steps(Dataset):
    def __init__(self, batch_at: Callable[[int], Any]):
        self.batch_at = batch_at

    def __getitem__(self, step: int) -> Any:
        return self.batch_at(step)


def ahead(batch_at: Callable[[int], Any], first: int, end: int, workers: int) -> Iterator[Any]:
    """batch_at(first), batch_at(first + 1) and so on. Each depends on its number alone, so it does not matter who makes it."""
    if not workers:
        return map(batch_at, count(first))
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # threads of the tokenizer do not live on in a fork: it would wait for them for ever
    loader = DataLoader(
        Steps(batch_at),
        sampler=range(first, end),
        batch_size=None,
        collate_fn=lambda batch: batch,
        num_workers=workers,
        prefetch_factor=16,
        multiprocessing_context="fork",
    )
    return iter(loader)
