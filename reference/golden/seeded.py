"""Weights made of a name, an index and a seed: the twin of test/seeded/seeded.ts, to the bit.

Integer operations, + and x only, so that any language gives the same float32: a 32-bit hash of (tensor name, element, seed), twice,
gives four 16-bit uniforms; their sum, centred, is an integer of nearly normal distribution; one multiplication in float64, one
addition, one rounding to float32. A full-size model is 467 MB that nobody has to store.
"""

import hashlib

import numpy as np

KR_SBERT = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "vocab_size": 40000,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_act": "gelu",
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}

# The sum of four uniforms on 0..65535 has a standard deviation of 65536 / sqrt(3) = 37837.2; this is one over it.
UNIT = 2.6429e-5
# The sum, centred, lies in -131070..131070: this spreads it over -0.1..0.1.
GAIN = 7.6295e-7
# Four channels of what each layer hands on are three to five times as large as the rest. In the middle of the layer they are taken back:
# gains above 1 in every LayerNorm would feed on themselves until one channel held everything.
OUTLIER_GAINS = (3.0, 3.5, 4.25, 5.0)
TAKEN_BACK = 0.1875


def mix(x):
    """A bijection of 32 bits in which every input bit moves every output bit (uint32 arrays)."""
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x7FEB352D)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def key_of(name, seed):
    h = 0x811C9DC5
    for byte in name.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    seeded = int(mix(np.array([seed], np.uint32))[0])
    return mix(np.array([h ^ seeded], np.uint32))[0]


def bells(name, seed, start, count):
    """Elements start..start+count of a tensor, as centred integers in -131070..131070, [count] int32."""
    with np.errstate(over="ignore"):
        i = np.arange(start, start + count, dtype=np.uint32)
        a = mix(i * np.uint32(0x9E3779B9) + key_of(name, seed))
        b = mix(a + np.uint32(0x6D2B79F5))
    low, high = np.uint32(0xFFFF), np.uint32(16)
    total = (a & low) + (a >> high) + (b & low) + (b >> high)
    return total.astype(np.int32) - 131070


def shapes(config):
    """Every tensor of a BERT of these sizes, in the order of a checkpoint: {name: shape}."""
    h, wide = config["hidden_size"], config["intermediate_size"]
    out = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], h),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], h),
        "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], h),
        "embeddings.LayerNorm.weight": (h,),
        "embeddings.LayerNorm.bias": (h,),
    }
    for i in range(config["num_hidden_layers"]):
        for part, rows, columns in (
            ("attention.self.query", h, h),
            ("attention.self.key", h, h),
            ("attention.self.value", h, h),
            ("attention.output.dense", h, h),
            ("attention.output.LayerNorm", h, None),
            ("intermediate.dense", wide, h),
            ("output.dense", h, wide),
            ("output.LayerNorm", h, None),
        ):
            out[f"encoder.layer.{i}.{part}.weight"] = (rows,) if columns is None else (rows, columns)
            out[f"encoder.layer.{i}.{part}.bias"] = (rows,)
    out["pooler.dense.weight"] = (h, h)
    out["pooler.dense.bias"] = (h,)
    return out


def spread(name, shape):
    """(centre, step) of a tensor: value = float32(centre + bell * step). Sizes as in trained BERTs, so that attention is not degenerate."""
    if name.endswith("LayerNorm.weight") or name.endswith("norm.weight"):
        return 1.0, GAIN
    if name.endswith("LayerNorm.bias") or name.endswith("norm.bias"):
        return 0.0, 0.05 * UNIT
    if name.endswith(".bias"):
        return 0.0, 0.02 * UNIT
    if name.startswith("embeddings.word_embeddings"):
        return 0.0, 0.05 * UNIT
    if name.startswith("embeddings."):
        return 0.0, 0.02 * UNIT
    # About strength / sqrt(inputs), by halving once for every factor of four: 1.25 is 0.039 at 768, 0.0195 at 3072.
    sigma, inputs = strength(name), shape[1]
    while inputs > 1:
        inputs >>= 2
        sigma *= 0.5
    return 0.0, sigma * UNIT


def strength(name):
    """Attention sharp enough to choose, branches weak enough beside the stream that tokens are still different after twelve layers:
    with 1.25 everywhere all tokens are one after six, and attention is uniform."""
    if "attention.self.query" in name or "attention.self.key" in name:
        return 1.875
    if "attention.output.dense" in name:
        return 0.3125
    if "output.dense" in name:
        return 0.625
    return 1.25


def outlier_channels(hidden):
    return [((hidden * j) >> 2) + (hidden >> 3) for j in range(4)]


def seeded(name, shape, seed=1, outliers=False):
    """One tensor, float32."""
    centre, step = spread(name, shape)
    values = (centre + bells(name, seed, 0, int(np.prod(shape))) * step).astype(np.float32)
    if outliers and name.endswith("LayerNorm.weight"):
        values[outlier_channels(shape[0])] = TAKEN_BACK if "attention.output" in name else OUTLIER_GAINS
    return values.reshape(shape)


def weights(config, seed=1, outliers=False):
    return {name: seeded(name, shape, seed, outliers) for name, shape in shapes(config).items()}


def sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
