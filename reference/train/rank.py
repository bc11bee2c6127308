"""
Stages that learn scores: the labelled pairs of the cross-encoder (silver), the STS sets, and the finish with the engine's whole numbers.
One loop: a batch of one set of pairs, now and then a contrastive batch and a batch of negations beside it.
"""

from pathlib import Path

import torch
from torch import Tensor

from . import losses, prepare, quant
from .contrast import all_sources, contrastive_loss, dims_of
from .loop import train
from .model import Encoder, embed
from .profiles import Budget, Profile
from .run import Run
from .sample import Item, batch_of
from .text import random_of
from .vocab import ids_of

GOLD = {"klue": 0.65, "kor": 0.35}
WITH_SILVER = {"silver": 0.6, "klue": 0.25, "kor": 0.15}


def score_loss(encoder: Encoder, tokenizer, pairs: list, profile: Profile) -> Tensor:
    v = embed(encoder, ids_of(tokenizer, [a for a, _, _ in pairs] + [b for _, b, _ in pairs], profile.longest), profile.device)
    scores = torch.tensor([score for _, _, score in pairs], device=v.device)
    loss = lambda a, b: losses.ranking(a, b, scores, profile.rank_scale, profile.anchor)
    return losses.at_dims(loss, *dims_of(profile, v.shape[1]), v[: len(pairs)], v[len(pairs) :])


def negation_loss(encoder: Encoder, tokenizer, batch: list[Item], profile: Profile) -> Tensor:
    texts = [a for a, _, _ in batch] + [b for _, b, _ in batch] + [opposites[0] for _, _, opposites in batch]
    v = embed(encoder, ids_of(tokenizer, texts, profile.longest), profile.device).split(len(batch))
    loss = lambda a, b, c: losses.negation(a, b, c, profile.negation_margin, profile.negation_score)
    return losses.at_dims(loss, *dims_of(profile, v[0].shape[1]), *v)


def rank(run: Run, stage: str, encoder_of, budget: Budget, shares: dict[str, float], silver: list | None = None, whole: bool = False) -> None:
    """`shares` of the steps by set of pairs. `whole`: with the engine's whole numbers."""
    profile = run.profile

    def work(folder: Path) -> dict:
        read = prepare.load(run)
        pairs = {**read.sts, "silver": silver or []}
        names = [name for name in shares if pairs[name]]
        encoder, tokenizer, available = encoder_of(), run.tokenizer(), all_sources(run)
        encoder.set_dropout(profile.dropout)
        calibration = ids_of(tokenizer, quant.calibration_texts(), profile.shape.positions)
        mix = dict(profile.mix)
        if whole:
            encoder.set_fake(True)

        def before_step(step: int) -> None:
            # Balances are buffers: a checkpoint keeps them, and a run that goes on has those of the last multiple.
            if whole and step % profile.calibrate_every == 0:
                quant.calibrate(encoder, calibration, profile.device)

        def loss_at(step: int) -> Tensor:
            random = random_of(run.seed, stage, step)
            name = random.choices(names, [shares[n] for n in names])[0]
            batch = random.sample(pairs[name], min(profile.rank_batch, len(pairs[name])))
            loss = score_loss(encoder, tokenizer, batch, profile)
            if random.random() < profile.contrast_share:
                items = batch_of(available, mix, profile.rank_batch, run.seed, stage, "contrast", step)
                loss = loss + contrastive_loss(encoder, tokenizer, items, profile)
            if "negation" in available and random.random() < profile.negation_share:
                items = batch_of(available, {"negation": 1}, profile.rank_batch, run.seed, stage, "negation", step)
                loss = loss + negation_loss(encoder, tokenizer, items, profile)
            return loss

        note = train(folder, {"encoder": encoder}, loss_at, budget, profile, run.seed, before_step=before_step)
        run.save_model(stage, encoder)
        return note

    run.stage(stage, work)
