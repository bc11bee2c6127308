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


def dims_of(profile: Profile, width: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The Matryoshka dimensions of vectors of this width; the width alone where they are left out."""
    if "matryoshka" in profile.without or width != profile.shape.hidden:
        return (width,), (1.0,)
    return profile.dims, profile.dim_weights


@dataclass(frozen=True)
class Contrastive:
    """What the loss asks of a contrastive batch: of n texts, what means the same as each, and hard negatives, in this order."""

    n: int
    owner: np.ndarray  # int64 [hard negatives]: the item each was made for
    same: np.ndarray  # bool [n,n]


def contrastive_batch(items: list[Item]) -> tuple[list[str], Contrastive]:
    negatives = [(i, text) for i, (_, _, texts) in enumerate(items) for text in texts]
    texts = [a for a, _, _ in items] + [b for _, b, _ in items] + [text for _, text in negatives]
    owner = np.array([i for i, _ in negatives], dtype=np.int64)
    return texts, Contrastive(len(items), owner, same_texts(items))


def contrastive_loss(v: Tensor, batch: Contrastive, profile: Profile) -> Tensor:
    """`v`: the vectors of the batch's texts [N,H]."""
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

        def batch_at(step: int) -> tuple[Packed, Contrastive]:
            texts, batch = contrastive_batch(batch_of(available, mix, profile.contrast_batch, run.seed, stage, step))
            return end_to_end(ids_of(texts)), batch

        def loss_of(drawn: tuple[Packed, Contrastive]) -> Tensor:
            ids, batch = drawn
            return contrastive_loss(embed(encoder, ids, profile.device), batch, profile)

        note = train(folder, {"encoder": encoder}, batch_at, loss_of, budget, profile, run.seed)
        run.save_model(stage, encoder)
        return note

    run.stage(stage, work)


def after(run: Run, stage: str, shape: Shape):
    """To start from what a stage ended with."""
    return lambda: run.model(stage, shape)
