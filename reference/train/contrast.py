"""Stage: contrastive training, on batches of one source at a time, with hard negatives where the source has them."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from torch import Tensor

from . import losses, prepare
from .loop import train
from .model import embed, on
from .pack import Packed, end_to_end
from .profiles import Budget, Profile, Shape
from .run import Run
from .sample import Item, batch_of, same_texts, sources
from .vocab import IdsOf


def dims_of(profile: Profile, width: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The Matryoshka dimensions of vectors of this width; the width alone where they are left out."""
    if "matryoshka" in profile.without or width != profile.shape.hidden:
        return (width,), (1.0,)
    return profile.dims, profile.dim_weights


@dataclass(frozen=True)
class Contrastive:
    """A contrastive batch as ids: n texts, what means the same as each, and hard negatives with the item each was made for."""

    ids: Packed
    n: int
    owner: np.ndarray  # int64 [hard negatives]
    same: np.ndarray  # bool [n,n]

    def rows(self) -> list[np.ndarray]:
        return np.split(self.ids.ids, self.ids.starts[1:-1])


def contrastive_batch(items: list[Item], ids_of: IdsOf) -> Contrastive:
    negatives = [(i, text) for i, (_, _, texts) in enumerate(items) for text in texts]
    texts = [a for a, _, _ in items] + [b for _, b, _ in items] + [text for _, text in negatives]
    owner = np.array([i for i, _ in negatives], dtype=np.int64)
    return Contrastive(end_to_end(ids_of(texts)), len(items), owner, same_texts(items))


def contrastive_loss(v: Tensor, batch: Contrastive, profile: Profile) -> Tensor:
    """`v`: the vectors of batch.ids [N,H]."""
    n, owner, same = batch.n, on(batch.owner, profile.device), on(batch.same, profile.device)
    loss = lambda a, b, hard: losses.contrastive(a, b, hard, owner, same, profile.contrast_scale)
    return losses.at_dims(loss, *dims_of(profile, v.shape[1]), v[:n], v[n : 2 * n], v[2 * n :])


@lru_cache(maxsize=1)
def all_sources(run: Run) -> dict:
    return sources(prepare.load(run), prepare.load_negations(run), run.profile.without)


def contrast(run: Run, stage: str, encoder_of, budget: Budget) -> None:
    """`encoder_of()` gives the encoder to start from."""
    profile = run.profile

    def work(folder: Path) -> dict:
        encoder, available = encoder_of(), all_sources(run)
        ids_of = prepare.ids_of(run)
        encoder.set_dropout(profile.dropout)
        mix = dict(profile.mix)

        def batch_at(step: int) -> Contrastive:
            items = batch_of(available, mix, profile.contrast_batch, run.seed, stage, step)
            return contrastive_batch(items, ids_of)

        def loss_of(batch: Contrastive) -> Tensor:
            return contrastive_loss(embed(encoder, batch.ids, profile.device), batch, profile)

        note = train(folder, {"encoder": encoder}, batch_at, loss_of, budget, profile, run.seed)
        run.save_model(stage, encoder)
        return note

    run.stage(stage, work)


def after(run: Run, stage: str, shape: Shape):
    """To start from what a stage ended with."""
    return lambda: run.model(stage, shape)
