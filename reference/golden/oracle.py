"""BERT once more, in numpy and float64, sharing no code with torch: the float64 reference is checked against it."""

import math

import numpy as np

erf = np.vectorize(math.erf, otypes=[np.float64])
ACT = {
    "gelu": lambda x: x * 0.5 * (1 + erf(x / math.sqrt(2))),
    "relu": lambda x: np.maximum(x, 0),
}
ACT["gelu_new"] = ACT["gelu_pytorch_tanh"] = lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def norm(x, w, name, eps):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * w[name + ".weight"] + w[name + ".bias"]


def dense(x, w, name):
    return x @ w[name + ".weight"].T + w[name + ".bias"]


def bert(config, w, ids):
    """Hidden states after the embeddings and every layer, [layers + 1, T, H]."""
    ids = np.array(ids)
    positions = np.arange(len(ids))
    if config["model_type"] == "roberta":
        real = ids != config["pad_token_id"]
        positions = np.cumsum(real) * real + config["pad_token_id"]
    eps, heads = config["layer_norm_eps"], config["num_attention_heads"]
    e = "embeddings."
    x = w[e + "word_embeddings.weight"][ids] + w[e + "position_embeddings.weight"][positions] + w[e + "token_type_embeddings.weight"][0]
    x = norm(x, w, e + "LayerNorm", eps)
    out = [x]
    for i in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        q, k, v = (dense(x, w, p + "attention.self." + n).reshape(len(ids), heads, -1).swapaxes(0, 1) for n in ("query", "key", "value"))
        scores = q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        context = (scores / scores.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(len(ids), -1)
        x = norm(x + dense(context, w, p + "attention.output.dense"), w, p + "attention.output.LayerNorm", eps)
        wide = ACT[config["hidden_act"]](dense(x, w, p + "intermediate.dense"))
        x = norm(x + dense(wide, w, p + "output.dense"), w, p + "output.LayerNorm", eps)
        out.append(x)
    return np.stack(out)
