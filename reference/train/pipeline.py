"""All stages in their order. Read this file first."""

from pathlib import Path

import torch

from . import prepare
from .contrast import after, contrast
from .cross import label, load_silver, mine, train_cross
from .distil import distil
from .evaluate.figures import evaluate
from .export import export, round_to
from .mlm import grown, new_encoder, pretrain
from .profiles import Shape
from .rank import GOLD, WITH_SILVER, rank
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
    if "contrast" not in without:
        contrast(run, "contrast", now, profile.contrast)
        did("contrast")

    reader = now  # what the cross-encoder starts from
    if profile.teacher and "distil" not in without:
        teacher(run, profile.teacher)
        reader = after(run, "teacher-contrast", profile.teacher)
        distil(run, now, after(run, "teacher-rank", profile.teacher))
        did("distil")
    if profile.cross and profile.silver and "augsts" not in without:
        train_cross(run, reader)
        mine(run, now)
        label(run, reader)
        rank(run, "silver", now, profile.silver, WITH_SILVER, load_silver(run))
        did("silver")
    if "rank" not in without:
        rank(run, "rank", now, profile.rank, GOLD)
        did("rank")
    if "finish" not in without:
        rank(run, "finish", now, profile.finish, GOLD, whole=True)
        did("finish")

    folder = run.out / "model"

    def write(_: Path) -> None:
        encoder = now()
        round_to(encoder, torch.float16)
        export(encoder, (run.folder("vocab") / "vocab.txt").read_text(encoding="utf-8").splitlines(), folder)

    run.stage("export", write)
    evaluate(run, done)
    return folder


def teacher(run: Run, shape: Shape) -> None:
    """The same stages in a larger shape. It never ships."""
    pretrain(run, "teacher-mlm", lambda: new_encoder(run, shape), run.profile.mlm)
    contrast(run, "teacher-contrast", after(run, "teacher-mlm", shape), run.profile.contrast)
    rank(run, "teacher-rank", after(run, "teacher-contrast", shape), run.profile.rank, GOLD)


STATIC = "static-rank"


def static_baseline(run: Run) -> None:
    """Word vectors alone, trained on the same data by the same losses: what the layers have to beat."""
    shape = static_shape(run)
    contrast(run, "static-contrast", lambda: new_encoder(run, shape), run.profile.static)
    rank(run, STATIC, after(run, "static-contrast", shape), run.profile.static, GOLD)


def static_shape(run: Run) -> Shape:
    return Shape(0, run.profile.shape.hidden, 1, 1, 1)
