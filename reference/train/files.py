"""Files that are there whole or not at all: written beside their place, then renamed."""

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def written(path: Path):
    """`with written(path) as to:` write to `to`; when the block ends well, it becomes `path`. A crash leaves the old file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    yield beside
    with open(beside, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(beside, path)


def write_json(path: Path, value: Any) -> None:
    with written(path) as to:
        to.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
