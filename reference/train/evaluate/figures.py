"""Stage: the figures of a run, of every stage of it, and of the baselines. The dev sets are read here, once a run."""

import hashlib
import platform
import time
from pathlib import Path

import numpy as np
import torch

from .. import prepare, quant, sets
from ..corpus import Corpus
from ..cross import vectors_of
from ..export import round_to
from ..files import read_json, write_json
from ..model import Encoder
from ..negate import opposites
from ..pack import end_to_end
from ..profiles import Shape
from ..run import Run
from ..vocab import ids_of
from .baselines import tfidf
from .tasks import Vectors, ask, correlation, negation, questions

PROBE = 0.3  # of the linear probe, for dense vectors; TF-IDF has 5, its best


def vectors(run: Run, encoder: Encoder, dim: int | None = None) -> Vectors:
    """Of float32, whatever the stage was trained with."""
    tokenizer, kept = run.tokenizer(), {}

    def of(texts: list[str]) -> np.ndarray:
        key = tuple(texts)
        if key not in kept:
            kept[key] = full_precision(run, encoder, tokenizer, texts)
        v = kept[key][:, :dim]
        return v / np.linalg.norm(v, axis=1, keepdims=True)

    return of


def full_precision(run: Run, encoder: Encoder, tokenizer, texts: list[str]) -> np.ndarray:
    from dataclasses import replace

    exact = replace(run, profile=replace(run.profile, autocast=False))
    return vectors_of(exact, encoder, tokenizer, texts)


def evaluate(run: Run, done: list[tuple[str, Shape]]) -> None:
    """`done`: the stages that ended with a model, in their order."""

    def work(folder: Path) -> None:
        what = questions(sets.Folder(run.data), run.profile)
        read = prepare.load(run)
        rows: dict[str, dict] = {}

        def row(name: str, make, probe: float | None = None) -> None:
            """One row of the table, kept as soon as it is there: with a slow machine all of them take minutes."""
            part = folder / f"{name}.json"
            if not part.exists():
                of = make()
                write_json(part, {**ask(of, what, probe), "slices": on_slices(of, read)})
                figures = read_json(part)
                print(f"  {name}: {figures['KLUE-STS dev']['spearman']} / {figures['KorSTS dev']['spearman']}", flush=True)
            rows[name] = read_json(part)

        row("TF-IDF, whole string", lambda: tfidf(read, "char"), 5.0)
        row("TF-IDF, inside words", lambda: tfidf(read, "char_wb"), 5.0)
        if run.did("static-rank"):
            static = Shape(0, run.profile.shape.hidden, 1, 1, 1)
            row("static", lambda: vectors(run, run.model("static-rank", static)), PROBE)
        for stage, shape in done:
            row(f"after {stage}", lambda stage=stage, shape=shape: vectors(run, run.model(stage, shape)))
        if done:
            stage, shape = done[-1]
            row("shipped, int8", lambda: vectors(run, shipped(run, stage, shape)), PROBE)
            for dim in run.profile.dims[1:]:
                row(f"shipped, int8, {dim} dimensions", lambda dim=dim: vectors(run, shipped(run, stage, shape), dim))
        figures = {
            "profile": run.profile.describe(),
            "seed": run.seed,
            "without": list(run.profile.without),
            "pretrained": read_json(run.folder("settings.json")).get("pretrained"),  # the seed of the run whose masked language modelling this one took
            "machine": machine(run),
            "sha256": hashlib.sha256((run.out / "model" / "model.safetensors").read_bytes()).hexdigest(),
            "data": {k: v for k, v in read_json(run.folder("data") / "done.json").items() if k != "wall"},
            "stages": {name: summary(path) for name, path in stages_of(run.out / "work")},
            "rows": rows,
        }
        write_json(run.out / "figures.json", figures)

    run.stage("evaluate", work)


def on_slices(of: Vectors, read: Corpus) -> dict:
    """What choices are made by: the pairs kept apart from train, and those of them that mean the same, each with an opposite built by rule."""
    out = {name: correlation(of, rows)["spearman"] for name, rows in read.slices.items() if len(rows) > 2}
    built = [(a, opposites(a), b) for rows in read.slices.values() for a, b, score in rows if score >= 0.8]
    known = [(a, found[0], b) for a, found, b in built if found]
    return {**out, "negation": negation(of, known)} if known else out


def shipped(run: Run, stage: str, shape: Shape) -> Encoder:
    """What the engine computes with: float16 weights, made whole numbers as `munjang convert` makes them."""
    encoder = run.model(stage, shape)
    round_to(encoder, torch.float16)
    quant.calibrate(encoder, end_to_end(ids_of(run.tokenizer(), quant.calibration_texts(), shape.positions)), run.profile.device)
    encoder.set_fake(True)
    return encoder


def stages_of(work: Path) -> list[tuple[str, Path]]:
    """The notes of the stages in the order they were done; "sibling-2/rank" is a stage of a sibling."""
    paths = sorted(work.glob("**/done.json"), key=lambda path: path.stat().st_mtime)
    return [("/".join(part for part in path.parent.relative_to(work).parts if part != "work"), path) for path in paths]


def summary(path: Path) -> dict:
    return {k: v for k, v in read_json(path).items() if k != "history"}


def machine(run: Run) -> dict:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    gpu = torch.cuda.get_device_name() if run.profile.device == "cuda" else None
    return {"cpu": name, "threads": run.profile.threads, "gpu": gpu, "torch": torch.__version__, "date": time.strftime("%Y-%m-%d", time.gmtime())}
