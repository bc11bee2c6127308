"""All stages in their order. Read this file first."""

from pathlib import Path

import torch

from . import prepare
from .contrast import after, contrast
from .cross import label, load_silver, mine, train_cross
from .distil import distil, sibling
from .evaluate.figures import evaluate
from .export import export, round_to
from .mlm import grown, new_encoder, pretrain
from .profiles import Shape
from .rank import rank
from .run import Run


def everything(run: Run) -> Path:
    """From the data folder to the sentence-transformers folder, whose path it returns; figures.json lies beside it."""
    profile, without = run.profile, run.profile.without
    prepare.data(run)
    prepare.vocabulary(run)
    prepare.sequences(run)
    prepare.word_vectors(run)
    prepare.negations(run)

    if "static" not in without:
        static_baseline(run)

    shape = profile.shape
    now = lambda: new_encoder(run, shape)
    done: list[tuple[str, Shape]] = []

    def did(stage: str) -> None:
        nonlocal now
        done.append((stage, shape))
        now = after(run, stage, shape)

    if "mlm" not in without:
        first = profile.first
        if first:
            pretrain(run, "mlm-first", lambda: new_encoder(run, first), profile.first_mlm)
            now = lambda: grown(run.model("mlm-first", first), shape)
        pretrain(run, "mlm", now, profile.mlm, before="mlm-first" if first else None)
        did("mlm")
    pretrained = now
    if "contrast" not in without:
        contrast(run, "contrast", now, profile.contrast)
        did("contrast")

    if profile.cross and profile.silver and "augsts" not in without:
        train_cross(run, now)
        mine(run, now)
        label(run, now)
        rank(run, "silver", now, profile.silver, profile.with_silver, load_silver(run))
        did("silver")
    if "rank" not in without:
        rank(run, "rank", now, profile.rank, profile.gold)
        did("rank")
    if profile.siblings and not {"contrast", "rank", "distil"} & set(without):
        distil(run, now, [now, *(sibling(run, run.seed + 1 + i, pretrained) for i in range(profile.siblings))])
        did("distil")
    if "finish" not in without:
        rank(run, "finish", now, profile.finish, profile.gold, whole=True)
        did("finish")

    folder = run.out / "model"

    def write(_: Path) -> None:
        encoder = now()
        round_to(encoder, torch.float16)
        export(encoder, (run.folder("vocab") / "vocab.txt").read_text(encoding="utf-8").splitlines(), folder)

    run.stage("export", write)
    evaluate(run, done)
    return folder


STATIC = "static-rank"


def static_baseline(run: Run) -> None:
    """Word vectors alone, trained on the same data by the same losses: what the layers have to beat."""
    shape = static_shape(run)
    contrast(run, "static-contrast", lambda: new_encoder(run, shape), run.profile.static)
    rank(run, STATIC, after(run, "static-contrast", shape), run.profile.static, run.profile.gold)


def static_shape(run: Run) -> Shape:
    return Shape(0, run.profile.shape.hidden, 1, 1, 1)
