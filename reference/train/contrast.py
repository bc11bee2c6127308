"""Stage: contrastive training, on batches of one source at a time, with hard negatives where the source has them."""

from pathlib import Path

import torch
from torch import Tensor

from . import losses, prepare
from .loop import train
from .model import Encoder, embed
from .profiles import Budget, Profile, Shape
from .run import Run
from .sample import Item, batch_of, same_texts, sources
from .vocab import ids_of


def dims_of(profile: Profile, width: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The Matryoshka dimensions of vectors of this width; the width alone where they are left out."""
    if "matryoshka" in profile.without or width != profile.shape.hidden:
        return (width,), (1.0,)
    return profile.dims, profile.dim_weights


def contrastive_loss(encoder: Encoder, tokenizer, batch: list[Item], profile: Profile) -> Tensor:
    """All texts of the batch in one pass."""
    negatives = [(i, text) for i, (_, _, texts) in enumerate(batch) for text in texts]
    texts = [a for a, _, _ in batch] + [b for _, b, _ in batch] + [text for _, text in negatives]
    v = embed(encoder, ids_of(tokenizer, texts, profile.longest), profile.device)
    n = len(batch)
    owner = torch.tensor([i for i, _ in negatives], dtype=torch.long, device=v.device)
    same = same_texts(batch).to(v.device)
    loss = lambda a, b, hard: losses.contrastive(a, b, hard, owner, same, profile.contrast_scale)
    return losses.at_dims(loss, *dims_of(profile, v.shape[1]), v[:n], v[n : 2 * n], v[2 * n :])


def all_sources(run: Run) -> dict:
    return sources(prepare.load(run), prepare.load_negations(run), run.profile.without)


def contrast(run: Run, stage: str, encoder_of, budget: Budget) -> None:
    """`encoder_of()` gives the encoder to start from."""
    profile = run.profile

    def work(folder: Path) -> dict:
        encoder, tokenizer, available = encoder_of(), run.tokenizer(), all_sources(run)
        encoder.set_dropout(profile.dropout)
        mix = dict(profile.mix)

        def loss_at(step: int) -> Tensor:
            batch = batch_of(available, mix, profile.contrast_batch, run.seed, stage, step)
            return contrastive_loss(encoder, tokenizer, batch, profile)

        note = train(folder, {"encoder": encoder}, loss_at, budget, profile, run.seed)
        run.save_model(stage, encoder)
        return note

    run.stage(stage, work)


def after(run: Run, stage: str, shape: Shape):
    """To start from what a stage ended with."""
    return lambda: run.model(stage, shape)
