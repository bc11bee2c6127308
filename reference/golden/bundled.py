"""Goldens of the bundled Korean model: the model card's sentences and a few of ours."""

import numpy as np
import torch
from sentence_transformers.util import cos_sim

import pack
import seeded
import stages
import words

TEXTS = [*words.CARD, "잠이 안 옵니다", "바람이 불고 눈이 옵니다.", "회의는 오후 세 시에 시작합니다.", "The train arrives at noon.", "", words.LONG]


def make(folder, golden):
    if not (folder / "config.json").exists():
        print(f"no model in {folder}: the bundled goldens stay as they are")
        return
    library = stages.run(stages.load(folder), TEXTS)
    double, pool, records = stages.load(folder, double=True), pack.Pool(), []
    rows = []
    for text, theirs in zip(TEXTS, library):
        exact = stages.run(double, [text])[0]
        assert exact["ids"] == theirs["ids"]
        rows.append(exact["vector"])
        records.append({"text": text, "ids": exact["ids"], "vector": pool.put(exact["vector"], theirs["vector"])})
    exact = torch.from_numpy(np.stack(rows))
    single = torch.from_numpy(np.stack([r["vector"] for r in library]))
    header = {
        "model": "bundled",
        "about": "the bundled Korean model",
        "sha256": seeded.sha256(np.fromfile(folder / "model.safetensors", np.uint8)),
        "texts": records,
        "similarity": {"cosine": pool.put(cos_sim(exact, exact), cos_sim(single, single))},
    }
    pool.write(golden / "bundled.golden.gz", header)
