"""The full-size seeded models: checksums of their weights, and vectors of texts given as token ids."""

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
LENGTHS = [3, 4, 7, 12, 20, 37, 64, 128]
LAYERS = [0, 1, 6, 12]


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
    name = "embeddings.word_embeddings.weight"
    table = seeded.seeded(name, shapes[name])
    out["rows"] = {"name": name, "ids": ROWS, **{k: v for k, v in entry(name, table[ROWS]).items() if k != "name"}}
    path.write_text(json.dumps(out, indent=1) + "\n")
    print(f"{path.name:38} {path.stat().st_size:25} bytes")


def token_ids(vocab):
    """Token ids of the texts, special tokens included: any ids but the five special ones, by the hash that makes the weights."""
    out = []
    for n, length in enumerate(LENGTHS):
        picks = seeded.bells(f"text {n}", 1, 0, length - 2).astype(np.int64) * 7919 % (vocab - 5) + 5
        out.append([2, *picks.tolist(), 3])
    return out


def make(golden):
    vocab = words.numbered(seeded.KR_SBERT["vocab_size"])
    ids = token_ids(len(vocab))
    texts = [" ".join(vocab[i] for i in text[1:-1]) for text in ids]
    for name, outliers in (("full-size", False), ("full-size-outliers", True)):
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder)
            models.encoder(base, seeded.KR_SBERT, vocab, models.KEEP_CASE, 1, outliers)
            models.dump(base / "modules.json", models.old_modules(("", "Transformer"), ("1_Pooling", "Pooling")))
            models.dump(base / "1_Pooling/config.json", models.old_pooling(seeded.KR_SBERT["hidden_size"], "mean_tokens", extra=False))
            models.dump(base / "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False})
            library = stages.run(stages.load(base), texts)
            double = stages.load(base, double=True)
            pool, records = pack.Pool(), []
            for n, (text, theirs) in enumerate(zip(texts, library)):
                exact = stages.run(double, [text])[0]
                assert exact["ids"] == theirs["ids"] == ids[n]
                record = {"ids": ids[n], "vector": pool.put(exact["vector"], theirs["vector"])}
                if n in (0, 5):  # one row of a few layers, to say where a wrong vector went wrong
                    record["hidden"] = {"layers": LAYERS, "row": 0, **pool.put(exact["hidden"][LAYERS, 0], theirs["hidden"][LAYERS, 0])}
                records.append(record)
            header = {"model": name, "about": "KR-SBERT's shape with seeded weights", "seed": 1, "outliers": outliers, "config": seeded.KR_SBERT, "texts": records}
            pool.write(golden / f"{name}.golden.gz", header)
