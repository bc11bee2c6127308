"""Measures src/base/math.ts against mpmath, and writes the values its test compares with.

    python reference/math/measure.py                  prints the largest error of every function, in units of the last place
    python reference/math/measure.py --fixture        writes test/base/fixtures/math.f64 as well

Needs mpmath 1.3.0 and, to measure, node with the tsx of this repository. Points are seeded; --points sets how many a function gets.
The fixture is float64, little endian: for each function in the order of FUNCTIONS, 1000 pairs (x, f(x) rounded to nearest).
"""

import argparse
import math
import random
import struct
import subprocess
from pathlib import Path

import mpmath
from mpmath import mp, mpf

assert mpmath.__version__ == "1.3.0", mpmath.__version__
mp.dps = 50
ROOT = Path(__file__).parents[2]
FUNCTIONS = {
    "exp": (mp.exp, -745.2, 709.8, [-745.2, -708.5, -1, 1, 709.78]),
    "erf": (mp.erf, -6.5, 6.5, [-6, -1, 1, 6]),
    "erfc": (mp.erfc, -6.5, 27.3, [-6, -1, 1, 6, 26.5]),
    "tanh": (mp.tanh, -23, 23, [-1, 1]),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), -746, 40, [-40, -1, 1]),
}
EXTRA = [0.0, -0.0, 1e-300, -1e-300, 5e-324, 1e-17, -1e-17, 1e-8, -1e-8, 0.03125, 0.03124999, 0.5, -0.5, 1.0, -1.0, 2.0]


def points(name: str, count: int) -> list[float]:
    _, low, high, edges = FUNCTIONS[name]
    rng = random.Random(f"munjang {name}")
    xs = list(EXTRA)
    for edge in edges:
        xs += [edge, math.nextafter(edge, -math.inf), math.nextafter(edge, math.inf)]
    while len(xs) < count:
        kind = rng.random()
        if kind < 0.4:
            xs.append(rng.uniform(low, high))
        elif kind < 0.8:
            xs.append(rng.uniform(max(low, -4), min(high, 4)))
        else:
            xs.append(rng.choice([-1, 1]) * 10 ** rng.uniform(-18, 0))
    return xs[:count]


def ulps(got: float, true: mpf) -> mpf:
    """Error in units of the last place of the true value (the smallest step, 2^-1074, where that is subnormal)."""
    rounded = float(true)
    if math.isinf(rounded) or math.isinf(got):
        return mpf(0) if got == rounded else mpf("inf")
    return abs(mpf(got) - true) / mpf(math.ulp(rounded))


parser = argparse.ArgumentParser()
parser.add_argument("--fixture", action="store_true")
parser.add_argument("--points", type=int, default=20_000)
arguments = parser.parse_args()

if arguments.fixture:
    out = bytearray()
    for name, (true, *_) in FUNCTIONS.items():
        for x in points(name, 1000):
            out += struct.pack("<dd", x, float(true(mpf(x))) if x else float(true(mpf(0))) if name not in ("erf", "tanh") else x)
    target = ROOT / "test/base/fixtures/math.f64"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(out)

SCRIPT = """
import { readFileSync } from "node:fs";
const math = await import("./src/base/math.ts");
const f = math[process.argv[process.argv.length - 1]];
const bytes = readFileSync(0);
const x = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
process.stdout.write(new Uint8Array(x.map((v) => f(v)).buffer));
"""
for name, (true, *_) in FUNCTIONS.items():
    xs = points(name, arguments.points)
    command = ["node", "--import", "tsx", "--input-type=module", "-e", SCRIPT, "--", name]
    done = subprocess.run(command, input=struct.pack(f"<{len(xs)}d", *xs), stdout=subprocess.PIPE, cwd=ROOT, check=True)
    ys = struct.unpack(f"<{len(xs)}d", done.stdout)
    groups: dict[str, list[tuple[mpf, mpf, float]]] = {}
    for x, y in zip(xs, ys):
        value = true(mpf(x))
        kind = "subnormal" if abs(value) < mpf(2) ** -1022 and x and name in ("exp", "erfc", "sigmoid") else "normal"
        groups.setdefault(kind, []).append((ulps(y, value), abs(mpf(y) - value), x))
    for kind, errors in groups.items():
        worst = max(errors)
        absolute = max(e for _, e, _ in errors)
        print(f"{name:8} {kind:9} {len(errors):6} points: {float(worst[0]):.3f} ulp at {worst[2]!r}; absolute {float(absolute):.2e}")
