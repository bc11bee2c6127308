"""Writes test/formats/fixtures/containers/<model>.<container>/: weights of tiny golden models in every container people have them in.

    python reference/formats/pytorch_fixtures.py            from the root of the repository, after reference/golden/make.py tiny

Each folder holds the weight files alone, at their places inside the model; the tests lay them over the other files of
test/golden/models/<model> and ask for the same bits and the same identity. Keys of storages in the legacy layout are addresses in
memory, so those files differ from run to run in their names, never in their tensors.
"""

import json
import shutil
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).parents[2]
MODELS, OUT = ROOT / "test/golden/models", ROOT / "test/formats/fixtures/containers"


def weights(model):
    """Every safetensors file of a model by its folder: {"": {name: tensor}, "2_Dense": {…}}."""
    return {str(f.parent.relative_to(MODELS / model)): load_file(f) for f in sorted((MODELS / model).rglob("model.safetensors"))}


def state_dict(tensors):
    """With `_metadata`, as Module.state_dict() gives it."""
    out = OrderedDict(tensors)
    out._metadata = OrderedDict([("", {"version": 1}), ("embeddings", {"version": 1, "assign": False})])
    return out


def zipped(tensors, folder):
    torch.save(state_dict(tensors), folder / "pytorch_model.bin")


def legacy(tensors, folder):
    torch.save(state_dict(tensors), folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)


def strided(tensors, folder):
    """Matrices lie transposed, vectors have every second element, and every other tensor is a Parameter."""
    out = {}
    for i, (name, t) in enumerate(tensors.items()):
        if t.dim() == 2:
            t = t.t().contiguous().t()
        else:
            wide = torch.full((2 * t.numel(),), float("nan"), dtype=t.dtype)
            wide[::2] = t
            t = wide[::2]
        out[name] = torch.nn.Parameter(t) if i % 2 else t
    torch.save(state_dict(out), folder / "pytorch_model.bin")


def shared(tensors, folder):
    """All tensors are parts of one storage, in the legacy layout."""
    flat = torch.cat([t.reshape(-1) for t in tensors.values()])
    out, at = {}, 0
    for name, t in tensors.items():
        out[name] = flat[at : at + t.numel()].view(t.shape)
        at += t.numel()
    torch.save(state_dict(out), folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)


def tied(tensors, folder):
    """The decoder of the language model shares the word table, as BertForMaskedLM saves it."""
    table = next(k for k in tensors if k.endswith("word_embeddings.weight"))
    torch.save(state_dict(tensors | {"cls.predictions.decoder.weight": tensors[table]}), folder / "pytorch_model.bin")


def parts(tensors, folder, stem, ext, save):
    names = sorted(tensors)
    files = [f"{stem}-{i + 1:05}-of-00003.{ext}" for i in range(3)]
    where = {name: files[3 * i // len(names)] for i, name in enumerate(names)}
    for file in files:
        save({n: t for n, t in tensors.items() if where[n] == file}, folder / file)
    index = {"metadata": {"total_size": sum(t.numel() * t.element_size() for t in tensors.values())}, "weight_map": where}
    (folder / f"{stem}.{ext}.index.json").write_text(json.dumps(index, indent=2) + "\n")


def safetensors_shards(tensors, folder):
    parts(tensors, folder, "model", "safetensors", lambda t, f: save_file(t, f, metadata={"format": "pt"}))


def pytorch_shards(tensors, folder):
    parts(tensors, folder, "pytorch_model", "bin", lambda t, f: torch.save(state_dict(t), f))


CONTAINERS = [
    ("dense-chain", "zip", zipped),
    ("dense-chain", "legacy", legacy),
    ("float16", "zip", zipped),
    ("float16", "legacy", legacy),
    ("bfloat16", "zip", zipped),
    ("old-names", "zip", zipped),
    ("old-subfolder", "legacy", legacy),
    ("no-modules", "strided", strided),
    ("one-layer-cls", "shared", shared),
    ("one-layer-cls", "tied", tied),
    ("no-modules", "safetensors-shards", safetensors_shards),
    ("no-modules", "pytorch-shards", pytorch_shards),
]

shutil.rmtree(OUT, ignore_errors=True)
for model, container, write in CONTAINERS:
    for place, tensors in weights(model).items():
        folder = OUT / f"{model}.{container}" / place
        folder.mkdir(parents=True, exist_ok=True)
        write(tensors, folder)
