"""Writes test/formats/fixtures/types.{zip,legacy}.bin: a tensor of every element type that torch.save writes without classes of its own.

    python reference/formats/pytorch_types.py            from the root of the repository

Types that PyTorch has no storage class for are saved in another way (_rebuild_tensor_v3) than all others, and a parameter with attributes
in another than one without. Every tensor holds 0, 1, 2, 3 (bool: those numbers' truth; float8_e8m0fnu, which has no 0: ones).
"""

from collections import OrderedDict
from pathlib import Path

import torch

OUT = Path(__file__).parents[2] / "test/formats/fixtures"
NAMES = """float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool uint16 uint32 uint64
complex128 complex64 complex32 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu""".split()

tensors = OrderedDict()
for name in NAMES:
    values = torch.ones(4) if name == "float8_e8m0fnu" else torch.arange(4)
    tensors[name] = values.to(getattr(torch, name)).reshape(2, 2)
    tensors[name + " transposed"] = tensors[name].t()
parameter = torch.nn.Parameter(tensors["float32"])
parameter.note = "an attribute"
tensors["parameter with state"] = parameter

torch.save(tensors, OUT / "types.zip.bin")
torch.save(tensors, OUT / "types.legacy.bin", _use_new_zipfile_serialization=False)
