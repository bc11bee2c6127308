"""
Stage: a model learns what it and its siblings think together. Siblings go through contrastive training and ranking with other seeds, from the same
masked language modelling; it learns the mean of all their cosines.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from . import losses, prepare
from .bag import Bag, bag_of, beside
from .contrast import after, all_sources, contrast, dims_of, drawn
from .loop import train
from .model import Encoder, embed
from .noise import renamed, stems_of
from .pack import Packed, end_to_end
from .profiles import Profile
from .rank import graded, negation_items, rank
from .run import Run
from .text import random_of


def sibling(run: Run, seed: int, encoder_of: Callable[[], Encoder]) -> Callable[[], Encoder]:
    """Contrastive training and ranking with another seed, in a folder of its own: as a run with that seed does them that takes this one by `--pretrained`."""
    other = replace(run, seed=seed, out=run.folder(f"sibling-{seed}"), of=run)
    contrast(other, "contrast", encoder_of, run.profile.contrast)
    rank(other, "rank", after(other, "contrast", run.profile.shape), run.profile.rank, run.profile.gold)
    return after(other, "rank", run.profile.shape)


@dataclass(frozen=True)
class Shared:
    """Texts as ids: the first ones of pairs, their second ones, and others."""

    texts: Packed
    pairs: int
    bag: Bag


def shared_loss(student: Encoder, teachers: list[Encoder], batch: Shared, profile: Profile) -> Tensor:
    """All similarities of the batch are to be the teachers' mean; and those of the pairs are ranked and anchored by it, as by scores."""
    with torch.no_grad():
        wanted = torch.stack([losses.similarities(embed(teacher, batch.texts, profile.device)) for teacher in teachers]).mean(0)
    v = embed(student, batch.texts, profile.device)
    n, dims = batch.pairs, dims_of(profile, v.shape[1])
    ranking = lambda v: losses.ranking(v[:n], v[n : 2 * n], wanted[:n, n : 2 * n].diagonal(), profile.rank_scale, profile.anchor)
    loss = losses.at_dims(lambda v: losses.alike(v, wanted, profile.rank_scale) + ranking(v), *dims, v)
    return beside(loss, student, v, batch.bag, profile.bag, profile)


def distil(run: Run, encoder_of: Callable[[], Encoder], teachers_of: list[Callable[[], Encoder]]) -> None:
    """The student starts as one of the teachers."""
    profile = run.profile

    def work(folder: Path) -> dict:
        read = prepare.load(run)
        student, teachers, ids_of, available = encoder_of(), [of() for of in teachers_of], prepare.ids_of(run), all_sources(run)
        student.set_dropout(profile.dropout)
        renaming = dict(profile.rename)
        stems = stems_of([text for text, _ in read.texts], 20_000, random_of(run.seed, "distil", "stems"))
        sets = {**read.sts, "composed": graded(run)}
        scored = [(name, a, b) for name, rows in sets.items() for a, b, _ in rows]

        def batch_at(step: int) -> Shared:
            # Labels are not needed: so there may be more pairs than anyone labelled, and more kinds of them.
            random, size = random_of(run.seed, "distil", step), profile.distil_batch
            pairs = []
            for name, a, b in random.sample(scored, min(size // 2, len(scored))):
                pairs.append(renamed(a, b, stems, random) if random.random() < renaming.get(name, 0) else (a, b))
            if "negation" in available:
                items = negation_items(run, size // 4, "distil", step)
                pairs += [(a, b) for a, b, _ in items] + [(a, opposites[0]) for a, _, opposites in items]
            others, _ = drawn(run, size // 2, "distil", step)
            ids = end_to_end(ids_of([a for a, _ in pairs] + [b for _, b in pairs] + others))
            return Shared(ids, len(pairs), bag_of(ids))

        loss_of = lambda batch: shared_loss(student, teachers, batch, profile)
        note = train(folder, {"encoder": student}, batch_at, loss_of, profile.distil, profile, run.seed)
        run.save_model("distil", student)
        return note

    run.stage("distil", work)
