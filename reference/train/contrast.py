"""Stage: contrastive training, on batches of one source at a time, with hard negatives where the source has them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from torch import Tensor

from . import losses, prepare
from .bag import Bag, bag_of, beside
from .loop import train
from .model import embed, on
from .pack import Packed, end_to_end
from .profiles import Budget, Profile, Shape
from .run import Run
from .sample import Item, batch_of, same_texts, sources
from .text import random_of


def dims_of(profile: Profile, width: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The Matryoshka dimensions of vectors of this width; the width alone where they are left out."""
    if "matryoshka" in profile.without or width != profile.shape.hidden:
        return (width,), (1.0,)
    return profile.dims, profile.dim_weights


@dataclass(frozen=True)
class Contrastive:
    """What the loss asks of a contrastive batch: n texts, what means the same as each, hard negatives, and in some steps titles, in this order."""

    n: int
    owner: np.ndarray  # int64 [hard negatives]: the item each was made for
    same: np.ndarray  # bool [n,n]
    topics: np.ndarray  # int64 [titles]


def contrastive_batch(items: list[Item], titles: Sequence[tuple[str, int]] = ()) -> tuple[list[str], Contrastive]:
    negatives = [(i, text) for i, (_, _, texts) in enumerate(items) for text in texts]
    texts = [a for a, _, _ in items] + [b for _, b, _ in items] + [text for _, text in negatives] + [title for title, _ in titles]
    owner = np.array([i for i, _ in negatives], dtype=np.int64)
    return texts, Contrastive(len(items), owner, same_texts(items), np.array([topic for _, topic in titles], dtype=np.int64))


def contrastive_loss(v: Tensor, batch: Contrastive, profile: Profile) -> Tensor:
    """`v`: the vectors of the batch's texts [N,H]."""
    owner, same = on(batch.owner, profile.device), on(batch.same, profile.device)
    dims = dims_of(profile, v.shape[1])
    a, b, hard, titles = v.split([batch.n, batch.n, len(owner), len(batch.topics)])
    total = losses.at_dims(lambda a, b, hard: losses.contrastive(a, b, hard, owner, same, profile.contrast_scale), *dims, a, b, hard)
    if len(batch.topics):
        topics = on(batch.topics, profile.device)
        total = total + profile.topic_weight * losses.at_dims(lambda v: losses.prototypes(v, topics, profile.contrast_scale), *dims, titles)
    return total


def drawn(run: Run, size: int, *seed: object) -> tuple[list[str], Contrastive]:
    """The contrastive batch that belongs to a seed, of at most `size` items."""
    profile, topics = run.profile, prepare.load(run).topics
    random = random_of(run.seed, *seed, "topics")
    some = "topics" not in profile.without and random.random() < profile.topic_share
    titles = random.sample(topics, min(size, len(topics))) if some else []
    return contrastive_batch(batch_of(all_sources(run), dict(profile.mix), size, run.seed, *seed), titles)


@lru_cache(maxsize=1)
def all_sources(run: Run) -> dict:
    return sources(prepare.load(run), prepare.load_negations(run), run.profile.without, run.profile.negation_long[0])


def contrast(run: Run, stage: str, encoder_of, budget: Budget) -> None:
    """`encoder_of()` gives the encoder to start from."""
    profile = run.profile

    def work(folder: Path) -> dict:
        encoder = encoder_of()
        ids_of = prepare.ids_of(run)
        all_sources(run)  # before other processes are made that need it
        encoder.set_dropout(profile.dropout)

        def batch_at(step: int) -> tuple[Packed, Contrastive, Bag]:
            texts, batch = drawn(run, profile.contrast_batch, stage, step)
            ids = end_to_end(ids_of(texts))
            return ids, batch, bag_of(ids)

        def loss_of(with_ids: tuple[Packed, Contrastive, Bag]) -> Tensor:
            ids, batch, bag = with_ids
            v = embed(encoder, ids, profile.device)
            return beside(contrastive_loss(v, batch, profile), encoder, v, bag, profile.bag, profile)

        note = train(folder, {"encoder": encoder}, batch_at, loss_of, budget, profile, run.seed)
        run.save_model(stage, encoder)
        return note

    run.stage(stage, work)


def after(run: Run, stage: str, shape: Shape):
    """To start from what a stage ended with."""
    return lambda: run.model(stage, shape)
