"""sentence-transformers on PyTorch as one of the bench's engines: the requests of protocol.ts on standard input, answers on descriptor 3.

    .venv/bin/python worker.py THREADS MODEL WORKS
"""

import json
import os
import re
import sys
import time
from importlib import metadata

THREADS, MODEL, WORKS = int(sys.argv[1]), sys.argv[2], sys.argv[3]
works = {work["name"]: work for work in json.load(open(WORKS))}
state = {}


def load():
    start = time.perf_counter()
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(THREADS)
    torch.set_num_interop_threads(1)
    state["torch"] = torch
    state["model"] = SentenceTransformer(MODEL, device="cpu")
    versions = {name: metadata.version(name) for name in ("sentence-transformers", "torch", "transformers")}
    return {"milliseconds": (time.perf_counter() - start) * 1000, "about": {**versions, "threads": str(torch.get_num_threads())}}


def from_ids(texts, batch):
    torch = state["torch"]
    out = []
    with torch.inference_mode():
        for first in range(0, len(texts), batch):
            part = texts[first : first + batch]
            length = max(map(len, part))
            ids = torch.tensor([ids + [0] * (length - len(ids)) for ids in part])
            mask = torch.tensor([[1] * len(ids) + [0] * (length - len(ids)) for ids in part])
            features = {"input_ids": ids, "attention_mask": mask, "token_type_ids": torch.zeros_like(ids)}
            out.append(state["model"].forward(features)["sentence_embedding"].numpy())
    return out


def vectors(request):
    work, batch = works[request["work"]], request["batch"]
    if request["form"] == "ids":
        return from_ids(work["ids"], batch)
    return [state["model"].encode(work["texts"], batch_size=batch, show_progress_bar=False)]


def run(request):
    start = time.perf_counter()
    calls = 0
    while True:
        vectors(request)
        calls += 1
        milliseconds = (time.perf_counter() - start) * 1000
        if milliseconds >= request["milliseconds"]:
            return {"calls": calls, "milliseconds": milliseconds}


def save(request):
    import numpy as np

    rows = np.concatenate(vectors(request)).astype(np.float32)
    rows.tofile(request["file"])
    return {"rows": rows.shape[0], "columns": rows.shape[1]}


def memory():
    status = open("/proc/self/status").read()
    return {key: int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024 for key, name in (("resident", "VmRSS"), ("peak", "VmHWM"))}


def install():
    """Bytes of sentence-transformers with everything it requires."""
    seen, queue, size = set(), ["sentence-transformers"], 0
    while queue:
        name = re.sub(r"[-_.]+", "-", queue.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # required only elsewhere
        size += sum(os.path.getsize(path) for path in map(found.locate_file, found.files or []) if os.path.exists(path))
        queue += [re.match(r"[\w.-]+", line)[0] for line in found.requires or [] if "extra ==" not in line]
    return {"bytes": size, "packages": len(seen)}


OPERATIONS = {"load": lambda _: load(), "run": run, "vectors": save, "memory": lambda _: memory(), "install": lambda _: install()}

with os.fdopen(3, "w") as out:
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = OPERATIONS[request["op"]](request)
        except Exception as error:  # said to the bench, which reports it
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=out, flush=True)
