"""python -m reference.train --data FOLDER --out FOLDER --profile cpu"""

import argparse
import os
import time
from pathlib import Path

# Threads that wait for one another asleep: where other work shares the cores, those that spin meanwhile wait for the one that does not run.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from .memory import keep_memory  # noqa: E402
from .pipeline import everything  # noqa: E402
from .profiles import PROFILES, profile_of  # noqa: E402
from .run import open_run  # noqa: E402
from .sets import Folder  # noqa: E402

PARTS = ("mlm", "bag", "contrast", "topics", "negation", "composed", "augsts", "distil", "rank", "finish", "matryoshka", "static")


def main() -> None:
    about = "Trains the bundled model: from the data folder to a sentence-transformers folder."
    parser = argparse.ArgumentParser(prog="python -m reference.train", description=about)
    parser.add_argument("--data", type=Path, default=os.environ.get("MUNJANG_DATA") or None, help="folder of the data sets (default: MUNJANG_DATA)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model (model/), its figures and the work of every stage")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--without", nargs="*", choices=PARTS, default=[], help="leave these out, for an ablation")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="compute here instead of where the profile says; a run may go on elsewhere (--resume)")
    parser.add_argument("--no-slices", action="store_true", help="train on the slices to choose by too: for the run that ships, when all is chosen")
    parser.add_argument("--by-steps", action="store_true", help="no stage ends because its time is up: every machine does the same work, a slow one for longer")
    parser.add_argument("--pretrained", type=Path, help="another run's --out: its text, vocabulary and masked language modelling are taken, not made again")
    options = parser.parse_args()
    if options.data is None:
        parser.error("--data (or MUNJANG_DATA) must name the folder of the data sets")
    if not options.resume:  # a wrong folder is refused before anything is written
        next(Folder(options.data).lines("klue-sts/train.tsv"))
    keep_memory()
    began = time.monotonic()
    profile = profile_of(options.profile, tuple(options.without), not options.no_slices, options.device, not options.by_steps)
    run = open_run(profile, options.seed, options.data, options.out, options.resume, options.pretrained)
    folder = everything(run)
    print(f"{folder} after {(time.monotonic() - began) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    main()
