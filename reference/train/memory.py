"""Memory that is freed and taken again."""

import ctypes
import os

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # glibc's malloc.h


def keep_memory() -> bool:
    """
    Tells glibc to give nothing back to the system: whether it could be told. A training step frees hundreds of megabytes that the next one
    takes again, and every page of them would come filled with zeros each time: a fifth of the time on two cores. Other C libraries stay as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    return bool(mallopt) and all(mallopt(name, value) for name, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1), (M_TOP_PAD, 2**28)))
