"""A run: its folder, its stages, and what a stage finds there of those before it."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from . import vocab
from .files import read_json, write_json, written
from .model import Encoder
from .profiles import MACHINE, Profile, Shape


@dataclass(frozen=True)
class Run:
    profile: Profile
    seed: int
    data: Path
    out: Path
    of: "Run | None" = None  # of a sibling: the run whose common stages it has

    def folder(self, stage: str) -> Path:
        return self.of.folder(stage) if self.of and stage in COMMON else self.out / "work" / stage

    def stage(self, name: str, work: Callable[[Path], dict | None]) -> None:
        """Does the work of a stage unless it is done. `done.json` is written last: it says that everything else in the folder is whole."""
        folder = self.folder(name)
        done = folder / "done.json"
        if done.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{time.strftime('%H:%M:%S')} {f'{self.out.name} ' if self.of else ''}{name}", flush=True)
        began = time.monotonic()
        note = work(folder) or {}
        wall = max(time.monotonic() - began, note.get("seconds", 0.0))  # of a stage that was stopped, at least what its checkpoints had
        write_json(done, {"wall": round(wall, 1), **note})
        (folder / "state.pt").unlink(missing_ok=True)

    def did(self, stage: str) -> bool:
        return (self.folder(stage) / "done.json").exists()

    def tokenizer(self):
        return vocab.load(self.folder("vocab") / "vocab.txt")

    def entries(self) -> int:
        return len((self.folder("vocab") / "vocab.txt").read_text(encoding="utf-8").splitlines())

    def save_model(self, stage: str, encoder: Encoder) -> None:
        with written(self.folder(stage) / "model.pt") as to:
            torch.save(encoder.state_dict(), to)

    def model(self, stage: str, shape: Shape, dropout: float = 0.0) -> Encoder:
        """The encoder that a stage ended with."""
        encoder = Encoder(self.entries(), shape, dropout)
        encoder.load_state_dict(torch.load(self.folder(stage) / "model.pt", map_location="cpu", weights_only=True))
        return encoder.to(self.profile.device).eval()


# What runs that differ in their seed, or in what comes after, can have in common: most of the time goes into the last ones.
COMMON = ("data", "vocab", "sequences", "vectors", "negations", "mlm-first", "mlm")


def open_run(profile: Profile, seed: int, data: Path, out: Path, resume: bool, pretrained: Path | None = None) -> Run:
    """
    A new folder, or the folder of the same run again, perhaps on another machine. `pretrained`: another run's folder; a new run takes from it
    what is there once masked language modelling is done.
    """
    settings = out / "work" / "settings.json"
    mine = described(profile, seed)
    if settings.exists():
        if not resume:
            raise SystemExit(f"--out {out} holds a run already: add --resume to go on with it, or name another folder")
        theirs = read_json(settings)
        before = theirs.pop("pretrained", None)
        if theirs != mine:
            raise SystemExit(f"{settings} is of a run with another profile or seed: --resume needs the same ones, or name another folder")
        if pretrained and seed_of_mlm(pretrained, profile) != before:
            raise SystemExit(f"{settings} is of a run that took nothing from {pretrained}: leave --pretrained out, or name another folder")
    elif pretrained:
        take(pretrained, {**mine, "pretrained": seed_of_mlm(pretrained, profile)}, out)
    else:
        write_json(settings, mine)
    torch.set_num_threads(profile.threads)
    return Run(profile, seed, data, out)


def described(profile: Profile, seed: int) -> dict:
    what = {name: value for name, value in profile.describe().items() if name not in MACHINE}
    return json.loads(json.dumps({"profile": what, "seed": seed}))


def seed_of_mlm(other: Path, profile: Profile) -> int:
    """The seed of another run's masked language modelling, which may be that of a third; refused where it does not fit the profile."""
    if "mlm" in profile.without:
        raise SystemExit("--pretrained and --without mlm exclude one another")
    if not (other / "work" / "mlm" / "done.json").exists():
        raise SystemExit(f"--pretrained {other} holds no run whose masked language modelling is done")
    settings = read_json(other / "work" / "settings.json")
    theirs, mine = settings["profile"], described(profile, 0)["profile"]
    differ = sorted(name for name in {*theirs, *mine} - {"without"} if name not in theirs or name not in mine or theirs[name] != mine[name])
    if ("bag" in profile.without) != ("bag" in theirs["without"]):
        raise SystemExit(f"--pretrained {other}: masked language modelling has the bag too, so both runs are --without bag or neither")
    if differ:
        raise SystemExit(f"--pretrained {other} is of a run with other values of {', '.join(differ)}: only the seed and --without may differ")
    return settings.get("pretrained", settings["seed"])


def take(other: Path, settings: dict, out: Path) -> None:
    """Copies the common stages of another run; all of them are there, with the settings, or none."""
    beside = out / ".work.part"
    shutil.rmtree(beside, ignore_errors=True)
    stages = [stage for stage in COMMON if stage != "mlm-first" or settings["profile"]["first"]]
    needed = [other / "overlap.md", *(other / "work" / stage / "done.json" for stage in stages)]
    for path in needed:
        if not path.exists():
            raise SystemExit(f"--pretrained {other} lacks {path.relative_to(other)}: name the folder of a run that has everything, or leave --pretrained out")
    for stage in stages:
        shutil.copytree(other / "work" / stage, beside / stage)
    shutil.copy(other / "overlap.md", out / "overlap.md")
    write_json(beside / "settings.json", settings)
    beside.rename(out / "work")
