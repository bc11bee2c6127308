"""The fits behind the coefficients of src/kernels/wasm/vector-math.ts, and how far the coefficients there are from them.

    python reference/math/float32.py          mpmath 1.3.0, numpy 2.4.6; a second, no seed

Each is the minimax fit (Remez's exchange, 120 bits), and then, because the engine keeps float32 coefficients, the best of the float32
numbers around it: two coefficients at a time are moved by up to three last places, as long as the largest error shrinks. All reference
values come from mpmath; numpy only adds, multiplies and divides, so every machine prints the same.

    exp     e^r = 1 + r + r² q(r), |r| <= ln 2 / 2, q of degree 4: least relative error of e^r
    gelu    Φ(-a) = e^(-a²/2) n(a) / d(a), 0 <= a <= 13, n of degree 3 from 1/2, d of degree 4 from 1: least absolute error of the term
            that gelu takes away, a Φ(-a)

The engine's exp is the fit to one or two last places of two coefficients. Its gelu is an older fit, off by 6e-9 as a formula where
3.4e-10 could be had; float32 arithmetic loses 5.1e-8 on the way with the best fit and 5.5e-8 with this one, so it stays, and so do the bits.
"""

from collections.abc import Callable

import mpmath
import numpy as np
from mpmath import mp, mpf

assert mpmath.__version__ == "1.3.0", mpmath.__version__
assert np.__version__ == "2.4.6", np.__version__
mp.prec = 120

# As they stand in vector-math.ts.
EXP = [0.4999999403953552, 0.1666652113199234, 0.04166838899254799, 0.008368710987269878, 0.0013814610429108143]
GELU_N = [0.5, 0.30218455, 0.0885144, 0.01034145]
GELU_D = [1, 1.40225344, 0.79586777, 0.22051517, 0.02599346]

Error = Callable[[list, mpf], mpf]


def peaks(error: Error, c: list, points: list[mpf]) -> list[mpf]:
    """The points where the error is largest, one for each stretch of one sign."""
    found: list[mpf] = []
    values = [error(c, x) for x in points]
    best = 0
    for i in range(1, len(points) + 1):
        if i == len(points) or values[i] * values[best] < 0:
            found.append(points[best])
            best = i
        elif abs(values[i]) > abs(values[best]):
            best = i
    return found


def remez(error: Error, start: list, points: list[mpf]) -> list[mpf]:
    """Moves the coefficients until the error has one size, with alternating signs, at one point more than there are coefficients."""
    c = [mpf(v) for v in start]
    while True:
        at = peaks(error, c, points)
        assert len(at) >= len(c) + 1, at
        while len(at) > len(c) + 1:
            at.remove(min((at[0], at[-1]), key=lambda x: abs(error(c, x))))
        level = sum(abs(error(c, x)) for x in at) / len(at) * mp.sign(error(c, at[0]))
        equal = lambda *v: [error(list(v[:-1]), x) - (-1) ** i * v[-1] for i, x in enumerate(at)]
        *c, level = list(mp.findroot(equal, [*c, level], tol=1e-30))
        if max(abs(error(c, x)) for x in peaks(error, c, points)) < abs(level) * (1 + mpf("1e-5")):
            return c


def settle(largest: Callable[[np.ndarray], float], c: list[mpf]) -> np.ndarray:
    """The best float32 coefficients near the given ones."""
    best = np.array([float(v) for v in c], dtype=np.float32)
    error = largest(best)
    while True:
        before = error
        for i in range(len(best)):
            for j in range(len(best)):
                for up in (-3, -2, -1, 0, 1, 2, 3):
                    for and_up in (-3, -2, -1, 0, 1, 2, 3):
                        trial = best.copy()
                        trial[i] += np.float32(up) * np.spacing(best[i])
                        trial[j] += np.float32(and_up) * np.spacing(best[j])
                        found = largest(trial)
                        if found < error:
                            best, error = trial, found
        if error == before:
            return best


def polynomial(c: list, x):
    total = 0
    for coefficient in reversed(c):
        total = coefficient + total * x
    return total


def show(name: str, fit: float, settled: float, engine: float, *coefficients: list) -> None:
    print(f"{name:5} error as a formula: {fit:.2e} with coefficients of any length, {settled:.2e} with float32 ones; the engine's {engine:.2e}")
    for c in coefficients:
        print("     ", [float(v) for v in c])


def exp() -> None:
    half = mp.log(2) / 2
    points = [half * mpf(i) / 500 for i in range(-500, 501)]
    q_of = lambda r: (mp.exp(r) - 1 - r) / r**2 if abs(r) > 1e-9 else mpf(1) / 2 + r / 6
    exact = {r: q_of(r) for r in points}
    weight = {r: r**2 * mp.exp(-r) for r in points}
    error: Error = lambda c, r: weight[r] * (polynomial(c, r) - exact[r])
    # The interpolating polynomial at the Chebyshev points, to begin with.
    nodes = [half * mp.cos(mp.pi * (2 * i + 1) / 10) for i in range(5)]
    powers = mp.matrix([[r**k for k in range(5)] for r in nodes])
    start = list(mp.lu_solve(powers, mp.matrix([q_of(r) for r in nodes])))
    fit = remez(error, start, points)
    r, w, q = (np.array([float(v) for v in values]) for values in (points, weight.values(), exact.values()))
    largest = lambda c: float(np.max(np.abs(w * (polynomial(c.astype(np.float64), r) - q))))
    c = settle(largest, fit)
    show("exp", float(max(abs(error(fit, x)) for x in points)), largest(c), largest(np.array(EXP, dtype=np.float32)), c)


def gelu() -> None:
    points = [mpf(i) / 128 for i in range(1, 13 * 128 + 1)]
    exact = {a: mp.erfc(a / mp.sqrt(2)) / 2 * mp.exp(a**2 / 2) for a in points}
    weight = {a: a * mp.exp(-(a**2) / 2) for a in points}
    ratio = lambda c, a: polynomial([0.5, *c[:3]], a) / polynomial([1, *c[3:]], a)
    error: Error = lambda c, a: weight[a] * (ratio(c, a) - exact[a])
    # The exchange needs a beginning whose error already changes sign seven times: least squares found this one.
    start = [0.305196258, 0.089909920, 0.010616319, 1.408276805, 0.803465620, 0.224111438, 0.026675431]
    fit = remez(error, start, points)
    a, w, p = (np.array([float(v) for v in values]) for values in (points, weight.values(), exact.values()))
    largest = lambda c: float(np.max(np.abs(w * (ratio(list(c.astype(np.float64)), a) - p))))
    c = settle(largest, fit)
    engine = np.array(GELU_N[1:] + GELU_D[1:], dtype=np.float32)
    best = float(max(abs(error(fit, x)) for x in points))
    show("gelu", best, largest(c), largest(engine), [0.5, *c[:3]], [1, *c[3:]])


exp()
gelu()
