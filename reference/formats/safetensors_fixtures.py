"""Writes test/formats/fixtures/{numpy,torch}.safetensors with the reference library.

    python reference/formats/safetensors_fixtures.py        from the root of the repository

The tests compare what `src/formats/safetensors.ts` reads with the same patterns, and what it writes with these bytes. Made with the
versions below; another version that writes other bytes is worth knowing about, so the script refuses to run with one.
"""

from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

VERSIONS = {"safetensors": "0.8.0", "numpy": "2.4.6", "torch": "2.13"}
assert safetensors.__version__ == VERSIONS["safetensors"], safetensors.__version__
assert np.__version__ == VERSIONS["numpy"], np.__version__
assert torch.__version__.startswith(VERSIONS["torch"]), torch.__version__
FOLDER = Path(__file__).parents[2] / "test/formats/fixtures"


def pattern(count: int, seed: int) -> np.ndarray:
    """Byte i is (37 i + 11 seed) mod 251: every bit pattern class turns up, NaNs too."""
    return ((37 * np.arange(count) + 11 * seed) % 251).astype(np.uint8)


def tensor(dtype: str, shape: list[int], seed: int) -> np.ndarray:
    kind = np.dtype(dtype)
    data = pattern(int(np.prod(shape)) * kind.itemsize, seed)
    if dtype == "bool":
        data &= 1
    return data.view(kind).reshape(shape)


FOLDER.mkdir(parents=True, exist_ok=True)
kinds = "bool uint8 int8 uint16 int16 float16 uint32 int32 float32 uint64 int64 float64".split()
tensors = {f"{kind}.matrix": tensor(kind, [3, 5], seed) for seed, kind in enumerate(kinds)}
tensors |= {
    "scalar": tensor("float32", [], 50),
    "empty": tensor("float32", [4, 0, 2], 51),
    "z.float32": tensor("float32", [1], 52),
    "__proto__": tensor("float32", [2], 53),
    "문장/\"\\\n\u2028": tensor("float32", [1, 1, 2], 54),
    "\uffee after \U00010348?": tensor("int8", [1], 55),
    "\U00010348 after \uffee?": tensor("int8", [2], 56),
}
(FOLDER / "numpy.safetensors").write_bytes(safetensors.numpy.save(tensors, {"format": "np\u001f한"}))

weights = {
    "bfloat16.matrix": torch.from_numpy(pattern(2 * 300, 60).copy()).view(torch.bfloat16).reshape(3, 100),
    "float16.matrix": torch.from_numpy(pattern(2 * 300, 61).copy()).view(torch.float16).reshape(3, 100),
    "float8.matrix": torch.from_numpy(pattern(4, 62).copy()).view(torch.float8_e4m3fn).reshape(2, 2),
    "numbers": torch.tensor([0.0, -0.0, 1.0, -2.5, 65504.0, 1e-45, float("inf"), -float("inf"), float("nan")]),
}
(FOLDER / "torch.safetensors").write_bytes(safetensors.torch.save(weights, {"format": "pt"}))
