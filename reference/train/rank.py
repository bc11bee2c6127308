"""
Stages that learn scores: the labelled pairs of the cross-encoder (silver), the STS sets, and the finish with the engine's whole numbers.
One loop: a batch of one set of pairs, now and then a contrastive batch and a batch of negations beside it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from . import losses, prepare, quant
from .bag import Bag, bag_of, beside
from .contrast import Contrastive, all_sources, contrastive_loss, dims_of, drawn
from .files import read_json
from .loop import train
from .model import Encoder, embed, on
from .noise import renamed, stems_of
from .pack import Packed, end_to_end
from .profiles import Budget, Profile, Shares
from .run import Run
from .sample import Item, batch_of
from .splits import Scored
from .text import random_of
from .vocab import ids_of


@dataclass(frozen=True)
class Ranked:
    """A batch as ids: pairs with scores, and in some steps a contrastive batch and sentences with a paraphrase and an opposite beside them."""

    texts: Packed  # the first texts of the pairs, the second ones; those of the contrastive batch; texts, paraphrases and opposites
    scores: np.ndarray  # float32 [pairs]
    contrast: Contrastive | None
    negated: int  # how many texts with a paraphrase and an opposite
    bag: Bag


def ranked_loss(encoder: Encoder, batch: Ranked, profile: Profile) -> Tensor:
    """The sum of two to four losses, all texts in one pass."""
    scored, negated = 2 * len(batch.scores), 3 * batch.negated
    sizes = [scored, len(batch.texts) - scored - negated, negated]
    v = embed(encoder, batch.texts, profile.device)
    pairs, contrast, negation = v.split(sizes)
    dims, scores = dims_of(profile, pairs.shape[1]), on(batch.scores, profile.device)
    ranking = lambda a, b: losses.ranking(a, b, scores, profile.rank_scale, profile.anchor)
    loss = losses.at_dims(ranking, *dims, *pairs.chunk(2))
    if batch.contrast:
        loss = loss + contrastive_loss(contrast, batch.contrast, profile)
    if batch.negated:
        opposite = lambda a, b, c: losses.negation(a, b, c, profile.negation_margin, profile.negation_score)
        loss = loss + profile.negation_weight * losses.at_dims(opposite, *dims, *negation.chunk(3))
    return beside(loss, encoder, v, batch.bag, profile.bag, profile)


def near_negations(run: Run) -> list[Scored]:
    """Long sentences with one of their negations."""
    if "negation" in run.profile.without:
        return []
    random = random_of(run.seed, "long")
    near = read_json(run.folder("negations") / "near.json")
    return [(text, random.choice(opposites), run.profile.negation_near) for text, opposites in near]


def graded(run: Run) -> list[Scored]:
    """The first text of each group that was made up, with the others but its opposite."""
    if "composed" in run.profile.without:
        return []
    return [(group.text, getattr(group, name), score) for group in prepare.load(run).composed for name, score in run.profile.composed_scores]


def negation_items(run: Run, size: int, stage: str, step: int) -> list[Item]:
    """Sentences with a paraphrase and opposites: built ones or composed ones."""
    composed = run.profile.negation_composed
    return batch_of(all_sources(run), {"negation": 1 - composed, "composed": composed}, size, run.seed, stage, "negation", step)


def rank(run: Run, stage: str, encoder_of, budget: Budget, shares: Shares, silver: list | None = None, whole: bool = False) -> None:
    """`shares` of the steps by set of pairs. `whole`: with the engine's whole numbers."""
    profile = run.profile

    def work(folder: Path) -> dict:
        read = prepare.load(run)
        pairs = {**read.sts, "silver": silver or [], "composed": graded(run), "long": near_negations(run)}
        names, weights = zip(*((name, share) for name, share in shares if pairs[name]))
        renaming = dict(profile.rename)
        stems = stems_of([text for text, _ in read.texts], 20_000, random_of(run.seed, stage, "stems"))
        encoder, tokenizer, available = encoder_of(), run.tokenizer(), all_sources(run)
        ids = prepare.ids_of(run)
        encoder.set_dropout(profile.dropout)
        calibration = end_to_end(ids_of(tokenizer, quant.calibration_texts(), profile.shape.positions))
        if whole:
            encoder.set_fake(True)

        def before_step(step: int) -> None:
            # Balances are buffers: a checkpoint keeps them, and a run that goes on has those of the last multiple.
            if whole and step % profile.calibrate_every == 0:
                quant.calibrate(encoder, calibration, profile.device)

        def batch_at(step: int) -> Ranked:
            random = random_of(run.seed, stage, step)
            name = random.choices(names, weights)[0]
            rows = random.sample(pairs[name], min(profile.rank_batch, len(pairs[name])))
            rows = [(*renamed(a, b, stems, random), s) if random.random() < renaming.get(name, 0) else (a, b, s) for a, b, s in rows]
            texts = [a for a, _, _ in rows] + [b for _, b, _ in rows]
            contrast, items = None, []
            if random.random() < profile.contrast_share:
                more, contrast = drawn(run, profile.rank_batch, stage, "contrast", step)
                texts += more
            if "negation" in available and random.random() < profile.negation_share:
                items = negation_items(run, profile.rank_batch, stage, step)
                texts += [a for a, _, _ in items] + [b for _, b, _ in items] + [opposites[0] for _, _, opposites in items]
            scores = np.array([score for _, _, score in rows], dtype=np.float32)
            packed = end_to_end(ids(texts))
            return Ranked(packed, scores, contrast, len(items), bag_of(packed))

        def loss_of(batch: Ranked) -> Tensor:
            return ranked_loss(encoder, batch, profile)

        note = train(folder, {"encoder": encoder}, batch_at, loss_of, budget, profile, run.seed, before_step=before_step)
        run.save_model(stage, encoder)
        return note

    run.stage(stage, work)
