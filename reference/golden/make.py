"""Writes every golden: `python reference/golden/make.py [tiny] [seeded] [full] [bundled]`; all of them without an argument."""

import logging
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TQDM_DISABLE", "1")
sys.path.insert(0, str(Path(__file__).parent))

import transformers  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
logging.disable(logging.WARNING)

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "test" / "golden"


def main(parts):
    if "tiny" in parts:
        import models
        import tiny

        models.make(GOLDEN / "models")
        tiny.make(GOLDEN / "models", GOLDEN)
    if "seeded" in parts:
        import full

        full.checksums(GOLDEN / "seeded.json")
    if "full" in parts:
        import full

        full.make(GOLDEN)
    if "bundled" in parts:
        import bundled

        bundled.make(GOLDEN / "mini-ko", GOLDEN)


if __name__ == "__main__":
    main(sys.argv[1:] or ["tiny", "seeded", "full", "bundled"])
