"""Goldens of the tiny models, one file each, and of what encode() can be asked for."""

import json

import numpy as np
import torch
from sentence_transformers.util import cos_sim, dot_score, euclidean_sim, manhattan_sim, quantize_embeddings

import models
import oracle
import pack
import stages

SIMILARITIES = {"cosine": cos_sim, "dot": dot_score, "euclidean": euclidean_sim, "manhattan": manhattan_sim}
# Prompts some models are asked with besides none at all.
PROMPTS = {
    "prompts": [{"prompt_name": "query"}, {"prompt_name": "long"}, {"prompt": ""}, {"prompt": "비"}],
    "truncated": [{"prompt_name": "query"}],
    "plain": [{"prompt": "the "}],
}
# Models whose encode() options are kept too.
OPTIONS = ["plain", "prompts", "truncated", "dense-chain"]
CAMEL = {"prompt_name": "promptName", "prompt": "prompt", "normalize_embeddings": "normalizeEmbeddings", "truncate_dim": "truncateDim", "precision": "precision", "output_value": "outputValue"}


def camel(options):
    return {CAMEL[k]: v for k, v in options.items()}


def check(folder, record, double):
    """The float64 reference against an independent one in numpy."""
    path = folder / "0_Transformer" if (folder / "0_Transformer").exists() else folder
    config = json.loads((path / "config.json").read_text())
    weights = {k: v.double().numpy() for k, v in double[0].model.state_dict().items()}
    mine = oracle.bert(config, weights, record["ids"])
    error = np.abs(mine - record["hidden"]).max()
    assert error < 1e-11, f"{folder.name}: torch's float64 and numpy's differ by {error}"


def text_records(pool, folder, double, single, texts, prompt):
    library = stages.run(single, texts, **prompt)
    out = []
    for text, theirs in zip(texts, library):
        exact = stages.run(double, [text], **prompt)[0]
        assert exact["ids"] == theirs["ids"]
        check(folder, exact, double)
        modules = [
            {"index": i, "of": what, **pool.put(a, b)}
            for (i, what, a), (_, _, b) in zip(exact["modules"], theirs["modules"], strict=True)
        ]
        out.append({
            "text": text, **camel(prompt), "ids": exact["ids"],
            "hidden": pool.put(exact["hidden"], theirs["hidden"]),
            "modules": modules,
            "vector": pool.put(exact["vector"], theirs["vector"]),
        })  # fmt: skip
    return out


def encode_records(pool, double, single, texts):
    """encode(texts, …) with one option or more. Quantised rows come with the float32 rows they were made from."""
    out = []
    for options in (
        {"normalize_embeddings": True},
        {"truncate_dim": 3},
        {"truncate_dim": 7, "normalize_embeddings": True},
    ):
        exact, library = (np.stack([m.encode([t], **options)[0] for t in texts]) if m is double else m.encode(texts, **options) for m in (double, single))
        out.append({"options": camel(options), "rows": pool.put(exact, library)})
    exact = [double.encode(t, output_value="token_embeddings").numpy() for t in texts]
    library = [t.numpy() for t in single.encode(texts, output_value="token_embeddings")]
    out.append({"options": {"outputValue": "token_embeddings"}, "tokens": [pool.put(a, b) for a, b in zip(exact, library, strict=True)]})
    rows = single.encode(texts)
    for precision in ("int8", "uint8", "binary", "ubinary"):
        out.append({"options": {"precision": precision}, "from": pack.whole(rows), "quantised": pack.whole(single.encode(texts, precision=precision))})
        assert np.array_equal(quantize_embeddings(rows, precision), single.encode(texts, precision=precision))
    half = quantize_embeddings(rows, "uint8", calibration_embeddings=rows[: len(rows) // 2])
    out.append({"options": {"precision": "uint8"}, "calibration": len(rows) // 2, "from": pack.whole(rows), "quantised": pack.whole(half)})
    return out


def check_prompts(model, text):
    """What encode.test.ts holds encodeQuery and encodeDocument to."""
    assert np.array_equal(model.encode_query(text), model.encode(text, prompt_name="query"))
    # "document" is always among the prompts, empty where the model does not say, and so comes before a model's own "passage".
    assert np.array_equal(model.encode_document(text), model.encode(text, prompt=model.prompts["document"]))


def similarity_records(pool, double, single, texts):
    exact = torch.from_numpy(np.stack([double.encode([t])[0] for t in texts]))
    library = torch.from_numpy(single.encode(texts))
    return {name: pool.put(f(exact, exact), f(library, library)) for name, f in SIMILARITIES.items()}


def make(folder, out):
    for name, about, _, texts in models.MODELS:
        path, pool = folder / name, pack.Pool()
        double, single = stages.load(path, double=True), stages.load(path)
        records = []
        for prompt in [{}, *PROMPTS.get(name, [])]:
            records += text_records(pool, path, double, single, texts if not prompt else texts[:2] + texts[-2:], prompt)
        header = {
            "model": name,
            "about": about,
            "dimension": single.get_embedding_dimension(),
            "maxSeqLength": single.max_seq_length,
            "similarityFunction": single.similarity_fn_name,
            "prompts": single.prompts,
            "defaultPromptName": single.default_prompt_name,
            "outliers": name == "outliers",
            "texts": records,
        }
        check_prompts(single, texts[0])
        if name in OPTIONS:
            header["encode"] = encode_records(pool, double, single, texts)
            header["similarity"] = similarity_records(pool, double, single, texts)
        pool.write(out / f"{name}.golden.gz", header)
