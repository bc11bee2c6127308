"""The full-size seeded models: checksums of their weights, and vectors of texts given as token ids."""

import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np

import models
import pack
import seeded
import stages
import words

SMALL = {**seeded.KR_SBERT, "vocab_size": 97, "hidden_size": 20, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 50, "max_position_embeddings": 33}
# Full-size tensors whose checksums are kept: the word table is 123 MB, so three rows stand for it.
SOME = ["embeddings.position_embeddings.weight", "encoder.layer.0.attention.self.query.weight", "encoder.layer.11.output.dense.weight", "encoder.layer.7.output.LayerNorm.weight", "pooler.dense.bias"]
ROWS = [0, 17, 39999]
MEDIUM = {**seeded.KR_SBERT, "vocab_size": 500, "hidden_size": 300, "num_hidden_layers": 2, "intermediate_size": 1100, "max_position_embeddings": 64}
# name, sizes, outliers, lengths of the texts, hidden states of which one row is kept, and for which texts
MODELS = [
    ("medium", MEDIUM, False, [3, 4, 9, 33], [0, 1, 2], [0, 1, 2, 3]),
    ("medium-outliers", MEDIUM, True, [3, 4, 9, 33], [0, 1, 2], [0, 1, 2, 3]),
    ("full-size", seeded.KR_SBERT, False, [3, 4, 7, 12, 20, 37, 64, 128], [0, 1, 6, 12], [0, 5]),
    ("full-size-outliers", seeded.KR_SBERT, True, [3, 4, 7, 12, 20, 37, 64, 128], [0, 1, 6, 12], [0, 5]),
]


def checksums(path):
    def entry(name, array):
        bits = array.ravel()[:4].view(np.uint32)
        return {"name": name, "shape": list(array.shape), "sha256": seeded.sha256(array), "first": [f"{b:08x}" for b in bits]}

    out = {"made with": pack.versions(), "small": {"config": SMALL, "seeds": []}, "full": []}
    for seed, outliers in ((1, False), (7, True)):
        tensors = [entry(n, w) for n, w in seeded.weights(SMALL, seed, outliers).items()]
        out["small"]["seeds"].append({"seed": seed, "outliers": outliers, "tensors": tensors})
    shapes = seeded.shapes(seeded.KR_SBERT)
    for outliers in (False, True):
        out["full"].append({"outliers": outliers, "tensors": [entry(n, seeded.seeded(n, shapes[n], 1, outliers)) for n in SOME]})
    whole = hashlib.sha256()
    for name, shape in shapes.items():
        whole.update(seeded.seeded(name, shape).tobytes())
    out["whole"] = whole.hexdigest()
    name = "embeddings.word_embeddings.weight"
    table = seeded.seeded(name, shapes[name])
    out["rows"] = {"name": name, "ids": ROWS, **{k: v for k, v in entry(name, table[ROWS]).items() if k != "name"}}
    path.write_text(json.dumps(out, indent=1) + "\n")
    print(f"{path.name:38} {path.stat().st_size:25} bytes")


def token_ids(lengths, vocab):
    """Token ids of the texts, special tokens included: any ids but the five special ones, by the hash that makes the weights."""
    out = []
    for n, length in enumerate(lengths):
        picks = seeded.bells(f"text {n}", 1, 0, length - 2).astype(np.int64) * 7919 % (vocab - 5) + 5
        out.append([2, *picks.tolist(), 3])
    return out


def make(golden):
    for name, config, outliers, lengths, layers, shown in MODELS:
        vocab = words.numbered(config["vocab_size"])
        ids = token_ids(lengths, len(vocab))
        texts = [" ".join(vocab[i] for i in text[1:-1]) for text in ids]
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder)
            models.encoder(base, config, vocab, models.KEEP_CASE, 1, outliers)
            models.dump(base / "modules.json", models.old_modules(("", "Transformer"), ("1_Pooling", "Pooling")))
            models.dump(base / "1_Pooling/config.json", models.old_pooling(config["hidden_size"], "mean_tokens", extra=False))
            models.dump(base / "sentence_bert_config.json", {"max_seq_length": max(lengths), "do_lower_case": False})
            library = stages.run(stages.load(base), texts)
            double = stages.load(base, double=True)
            pool, records = pack.Pool(), []
            for n, (text, theirs) in enumerate(zip(texts, library)):
                exact = stages.run(double, [text])[0]
                assert exact["ids"] == theirs["ids"] == ids[n]
                record = {"ids": ids[n], "vector": pool.put(exact["vector"], theirs["vector"])}
                if n in shown:  # a row of a few states, to say where a wrong vector went wrong
                    row = lengths[n] // 2
                    record["hidden"] = {"layers": layers, "row": row, **pool.put(exact["hidden"][layers, row], theirs["hidden"][layers, row])}
                records.append(record)
            header = {"model": name, "about": "seeded weights, texts as token ids", "seed": 1, "outliers": outliers, "config": config, "texts": records}
            pool.write(golden / f"{name}.golden.gz", header)
