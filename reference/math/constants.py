"""Prints the constants of src/base/math.ts from mpmath: run it, compare, copy.

    python reference/math/constants.py          mpmath 1.3.0
"""

import mpmath
from mpmath import mp, mpf

assert mpmath.__version__ == "1.3.0", mpmath.__version__
mp.prec = 200
STEPS = 16  # parts of an octave in the table of exp


def chop(value: mpf, bits: int) -> float:
    """The value with its last bits cut off, so that products with a small whole number are exact."""
    shift = bits - 1 - int(mp.floor(mp.log(value, 2)))
    return float(mp.floor(mp.ldexp(value, shift)) * mp.ldexp(1, -shift))


step = mp.log(2) / STEPS
high = chop(step, 36)  # times up to 2^15, and still 53 bits
print("STEPS_PER_UNIT =", repr(float(1 / step)))
print("STEP_HIGH =", repr(high))
print("STEP_LOW =", repr(float(step - high)))
powers = [mp.mpf(2) ** (mpf(j) / STEPS) for j in range(STEPS)]
print("POWERS =", [float(p) for p in powers])
# What the doubles above miss; 20 bits of it are plenty.
print("POWERS_LOW =", [float(mp.nstr(p - mpf(float(p)), 7)) for p in powers])
print("TWO_OVER_ROOT_PI =", repr(float(2 / mp.sqrt(mp.pi))))
print("ERFC_OF_6 =", repr(float(mp.erfc(6))))
