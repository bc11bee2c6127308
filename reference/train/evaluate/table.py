"""
python -m reference.train.evaluate.table reference/train/figures/*.json

The tables of the model card and of README.md out of committed figures: one row a system, mean and spread over the seeds; and what each
part brings, out of runs --without it.
"""

import sys
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

from ..files import read_json

COLUMNS = {
    "KLUE-STS S": ("KLUE-STS dev", "spearman"),
    "P": ("KLUE-STS dev", "pearson"),
    "KorSTS S": ("KorSTS dev", "spearman"),
    "P ": ("KorSTS dev", "pearson"),
    "paraphrase AP": ("paraphrase",),
    "retrieval MRR": ("retrieval", "mrr"),
    "YNAT": ("YNAT probe",),
    "styles MRR": ("styles", "mrr"),
    "no spaces S": ("spacing", "no spaces"),
    "negation": ("negation", "right"),
    "5-95 % of cosines": ("KLUE-STS dev", "5 %", "95 %"),
}


def value(row: dict, path: tuple[str, ...]):
    at = row
    for name in path[:2]:
        if at is None or not isinstance(at, dict) or name not in at:
            return None
        at = at[name]
    return at


def cell(rows: list[dict], path: tuple[str, ...]) -> str:
    """Mean, and the standard deviation where there are several seeds."""
    if len(path) == 3:
        low, high = (cell(rows, (path[0], name)) for name in path[1:])
        return "-" if low == "-" else f"{low} to {high}"
    values = [v for v in (value(row, path) for row in rows) if v is not None]
    if not values:
        return "-"
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def lines(named: dict[str, list[dict]]) -> list[str]:
    out = ["| | " + " | ".join(name.strip() for name in COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, rows in named.items():
        seeds = f" ({len(rows)} seeds)" if len(rows) > 1 else ""
        out.append(f"| {name}{seeds} | " + " | ".join(cell(rows, path) for path in COLUMNS.values()) + " |")
    return out


def tables(files: list[dict]) -> str:
    out = []
    for profile in sorted({file["profile"]["name"] for file in files}):
        named: dict[str, list[dict]] = defaultdict(list)
        ablated: dict[str, list[dict]] = defaultdict(list)
        shared = 0
        for file in files:
            if file["profile"]["name"] != profile:
                continue
            shared += file.get("pretrained") is not None
            if file["without"]:
                ablated["without " + ", ".join(file["without"])].append(file["rows"]["shipped, int8"])
            else:
                for name, row in file["rows"].items():
                    named[name].append(row)
        whole = {"everything": named["shipped, int8"]} if named else {}
        out += [f"### {profile}", "", *lines(named), ""]
        if shared:
            out += [f"{shared} of these runs took the masked language modelling of another: their spread is of what comes after it.", ""]
        if ablated:
            out += [f"### {profile}: what each part brings", "", *lines({**whole, **ablated}), ""]
    return "\n".join(out)


if __name__ == "__main__":
    print(tables([read_json(Path(name)) for name in sys.argv[1:]]))
