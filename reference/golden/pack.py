"""The golden file: gzip of a length, a JSON header and two pools of numbers. test/golden/read.ts reads it.

    uint32 little-endian   bytes of the header
    header                 JSON; a block of numbers in it is {"at": first, "shape": [..]}
    exact                  float64 [numbers], the reference's answer, rounded to 36 bits of mantissa (1.5e-11, relative)
    library                int32 [numbers], the float32 library's answer: how many float32s it lies from float32(exact)

Both pools are stored plane by plane (all first bytes, all second bytes, ...), which is what lets gzip see the equal ones.
"""

import base64
import gzip
import json
import platform

import numpy as np


def versions():
    import sentence_transformers
    import tokenizers
    import torch
    import transformers

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "sentence-transformers": sentence_transformers.__version__,
    }


def trim(x):
    bits = np.ascontiguousarray(x, np.float64).view(np.uint64)
    return ((bits + np.uint64(0x8000)) & ~np.uint64(0xFFFF)).view(np.float64)


def ladder(x):
    """float32 as integers in the order of the numbers, one step per float32, both zeros at 0."""
    bits = np.ascontiguousarray(x, np.float32).view(np.int32).astype(np.int64)
    return np.where(bits >= 0, bits, -(bits & 0x7FFFFFFF))


def planes(x):
    return np.ascontiguousarray(x).view(np.uint8).reshape(x.size, x.itemsize).T.tobytes()


class Pool:
    """Collects pairs of arrays (exact float64, library float32) and hands out where they are."""

    def __init__(self):
        self.exact, self.library, self.size = [], [], 0

    def put(self, exact, library):
        exact = np.asarray(exact, np.float64)
        library = np.asarray(library, np.float32)
        if exact.shape != library.shape:
            raise ValueError(f"exact is {exact.shape}, the library's is {library.shape}")
        if not (np.isfinite(exact).all() and np.isfinite(library).all()):
            raise ValueError("a golden number is not finite")
        at = {"at": self.size, "shape": list(exact.shape)}
        self.exact.append(trim(exact).ravel())
        self.library.append(library.ravel())
        self.size += exact.size
        return at

    def write(self, path, header):
        exact = np.concatenate(self.exact) if self.exact else np.zeros(0)
        library = np.concatenate(self.library) if self.library else np.zeros(0, np.float32)
        steps = (ladder(library) - ladder(exact.astype(np.float32))).astype(np.int32)
        head = {"format": "munjang golden 1", "made with": versions(), "numbers": self.size, **header}
        text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
        raw = len(text).to_bytes(4, "little") + text + planes(exact) + planes(steps)
        path.write_bytes(gzip.compress(raw, 9, mtime=0))
        worst = float(np.abs(exact - library).max()) if self.size else 0.0
        print(f"{path.name:38} {self.size:8} numbers {path.stat().st_size:8} bytes, the library's worst error {worst:.2e}")


def whole(array):
    """Integers that are the same on every machine, such as quantised rows."""
    data = np.ascontiguousarray(array)
    return {"dtype": str(data.dtype), "shape": list(data.shape), "data": base64.b64encode(data.tobytes()).decode()}
