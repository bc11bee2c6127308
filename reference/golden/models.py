"""The tiny models: folders as sentence-transformers 6.2 saves them, and as older versions and other people laid them out."""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Dropout, LayerNorm, Normalize, Pooling, Transformer

import seeded
import words

ACTIVATION = "torch.nn.modules.activation."


def config(hidden, layers, heads, wide, vocab, act="gelu", positions=48, types=2, eps=1e-12, pad=0, kind="bert"):
    return {
        "architectures": ["BertModel" if kind == "bert" else "RobertaModel"],
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": act,
        "hidden_dropout_prob": 0.1,
        "hidden_size": hidden,
        "intermediate_size": wide,
        "layer_norm_eps": eps,
        "max_position_embeddings": positions,
        "model_type": kind,
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "pad_token_id": pad,
        "type_vocab_size": types,
        "vocab_size": len(vocab),
    }


def dump(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf8")


def encoder(folder, cfg, vocab, tokenizer, seed=1, outliers=False):
    """config.json, vocab.txt, tokenizer_config.json (None for no such file) and model.safetensors: what transformers needs."""
    folder.mkdir(parents=True, exist_ok=True)
    dump(folder / "config.json", cfg)
    (folder / "vocab.txt").write_text("\n".join(vocab) + "\n", encoding="utf8")
    if tokenizer is not None:
        dump(folder / "tokenizer_config.json", tokenizer)
    weights = {k: torch.from_numpy(v) for k, v in seeded.weights(cfg, seed, outliers).items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return weights


def fill(module, name, seed=1):
    """Gives a module of the chain seeded weights."""
    with torch.no_grad():
        for key, value in module.state_dict().items():
            value.copy_(torch.from_numpy(seeded.seeded(f"{name}.{key}", tuple(value.shape), seed)))
    return module


def saved(folder, cfg, vocab, tokenizer, chain, limit=24, seed=1, outliers=False, dtype="float32", **options):
    """A folder written by sentence-transformers' own save()."""
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary) / "base"
        encoder(base, cfg, vocab, tokenizer, seed, outliers)
        first = Transformer(str(base), max_seq_length=limit, model_kwargs={"dtype": getattr(torch, dtype)})
        chain = [fill(m, f"{i + 1}_{type(m).__name__}", seed) if list(m.parameters()) else m for i, m in enumerate(chain)]
        SentenceTransformer(modules=[first, *chain], device="cpu", **options).save(str(folder), create_model_card=False)


def old_pooling(hidden, *modes, extra=True, **more):
    """A Pooling config of versions 2 to 5: one boolean a mode."""
    keys = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"] + (["weightedmean_tokens", "lasttoken"] if extra else [])
    return {"word_embedding_dimension": hidden, **{"pooling_mode_" + k: k in modes for k in keys}, **more}


def old_modules(*parts, style="sentence_transformers.models."):
    return [{"idx": i, "name": str(i), "path": path, "type": style + kind} for i, (path, kind) in enumerate(parts)]


CASED, KLUE, UNCASED = words.cased(), words.cased(words.KLUE_SPECIAL), words.uncased()
KEEP_CASE = {"do_lower_case": False, "tokenizer_class": "BertTokenizer"}


def plain(d):
    saved(d, config(16, 2, 4, 32, CASED), CASED, KEEP_CASE, [Pooling(16)])


def one_layer_cls(d):
    saved(d, config(8, 1, 1, 12, CASED), CASED, KEEP_CASE, [Pooling(8, "cls")], limit=16)


def odd_widths(d):
    saved(d, config(15, 2, 3, 23, CASED, "gelu_new", eps=1e-7), CASED, KEEP_CASE, [Pooling(15, "max")], limit=16)


def head_size_one(d):
    saved(d, config(12, 2, 12, 7, CASED, "gelu_pytorch_tanh"), CASED, KEEP_CASE, [Pooling(12, "mean_sqrt_len_tokens")], limit=16)


def relu_one_type(d):
    saved(d, config(10, 2, 2, 21, CASED, "relu", types=1, eps=1e-5), CASED, KEEP_CASE, [Pooling(10, "weightedmean")], limit=16)


def deep_lasttoken(d):
    saved(d, config(8, 6, 2, 16, CASED), CASED, KEEP_CASE, [Pooling(8, "lasttoken")], limit=12)


def wide_concatenated(d):
    modes = ("lasttoken", "mean", "cls", "weightedmean", "max", "mean_sqrt_len_tokens")
    saved(d, config(36, 1, 3, 50, CASED), CASED, KEEP_CASE, [Pooling(36, modes)], limit=12)


def outliers(d):
    saved(d, config(24, 2, 4, 48, CASED), CASED, KEEP_CASE, [Pooling(24)], limit=16, outliers=True)


def float16(d):
    saved(d, config(8, 2, 2, 16, CASED), CASED, KEEP_CASE, [Pooling(8)], limit=16, dtype="float16")


def bfloat16(d):
    saved(d, config(8, 2, 2, 16, CASED), CASED, KEEP_CASE, [Pooling(8)], limit=16, dtype="bfloat16")


def uncased_json(d):
    saved(d, config(12, 1, 2, 20, UNCASED), UNCASED, {"do_lower_case": True}, [Pooling(12), Normalize()], limit=24)


def roberta(d):
    cfg = config(12, 2, 3, 24, KLUE, positions=24, types=1, eps=1e-5, pad=1, kind="roberta") | {"bos_token_id": 0, "eos_token_id": 2}
    saved(d, cfg, KLUE, KEEP_CASE, [Pooling(12)], limit=22)


def dense_chain(d):
    chain = [Pooling(12), Dense(12, 9), LayerNorm(9), Normalize()]
    saved(d, config(12, 1, 2, 20, CASED), CASED, KEEP_CASE, chain, limit=16)


def dense_kinds(d):
    nn = torch.nn
    chain = [
        Pooling(10, ("cls", "mean")),
        Dense(20, 14, bias=False, activation_function=nn.ReLU()),
        Dense(14, 11, activation_function=nn.GELU(), use_residual=True),
        Dropout(0.1),
        Dense(11, 11, activation_function=nn.Sigmoid(), use_residual=True),
        Dense(11, 6, activation_function=None),
    ]
    saved(d, config(10, 1, 5, 16, CASED), CASED, KEEP_CASE, chain, limit=16)


def dense_on_tokens(d):
    chain = [
        Dense(10, 7, activation_function=torch.nn.Identity(), module_input_name="token_embeddings"),
        Normalize(module_input_name="token_embeddings"),
        Pooling(7),
    ]
    saved(d, config(10, 1, 2, 16, CASED), CASED, KEEP_CASE, chain, limit=16)


def prompts(d):
    saved(
        d, config(12, 1, 2, 20, CASED), CASED, KEEP_CASE,
        [Pooling(12, ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"), include_prompt=False)],
        limit=16, prompts={"query": "the 글: ", "passage": "words ", "long": words.LONG}, default_prompt_name="passage", similarity_fn_name="euclidean",
    )  # fmt: skip


def truncated(d):
    saved(
        d, config(12, 1, 2, 20, CASED), CASED, KEEP_CASE, [Pooling(12), Normalize()],
        limit=16, prompts={"query": "the 글: "}, similarity_fn_name="dot", truncate_dim=5,
    )  # fmt: skip


def no_modules(d):
    """A plain BERT repository: no modules.json, so mean pooling; vocab.txt only; long texts lose their beginning."""
    encoder(d, config(8, 1, 2, 16, CASED), CASED, {**KEEP_CASE, "model_max_length": 12, "truncation_side": "left"})


def uncased_vocab(d):
    """vocab.txt and nothing else about the tokenizer: lower-casing is the default, and takes accents off and Hangul apart."""
    encoder(d, config(8, 1, 2, 16, UNCASED, positions=40), UNCASED, None)


def old_names(d):
    """As KR-SBERT's own folder: old type names, old pooling booleans, gamma and beta under `bert.`, position_ids, no pooler."""
    cfg = config(12, 2, 3, 20, CASED)
    weights = encoder(d, cfg, CASED, {"do_lower_case": False, "strip_accents": None, "tokenize_chinese_chars": True, "do_basic_tokenize": True, "never_split": None})
    old = {"bert." + k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in weights.items() if "pooler" not in k}
    old["bert.embeddings.position_ids"] = torch.arange(cfg["max_position_embeddings"]).unsqueeze(0)
    old["cls.predictions.bias"] = torch.zeros(len(CASED))
    save_file(old, d / "model.safetensors", metadata={"format": "pt"})
    dump(d / "modules.json", old_modules(("", "Transformer"), ("1_Pooling", "Pooling")))
    dump(d / "1_Pooling/config.json", old_pooling(12, "mean_tokens", extra=False))
    dump(d / "sentence_bert_config.json", {"max_seq_length": 14, "do_lower_case": False})
    dump(d / "config_sentence_transformers.json", {"__version__": {"sentence_transformers": "2.2.0", "transformers": "4.18.0", "pytorch": "1.11.0"}})


def old_subfolder(d):
    """Version 0.x: everything of the encoder in 0_Transformer, several pooling booleans, no config_sentence_transformers.json, no folder for Normalize."""
    inner = d / "0_Transformer"
    encoder(inner, config(8, 1, 2, 16, CASED), CASED, {"do_lower_case": False})
    dump(inner / "sentence_bert_config.json", {"max_seq_length": 14})
    parts = ("0_Transformer", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"), ("3_Normalize", "Normalize")
    dump(d / "modules.json", old_modules(*parts))
    dump(d / "1_Pooling/config.json", old_pooling(8, "max_tokens", "cls_token", "mean_tokens"))
    dump(d / "2_Dense/config.json", {"in_features": 24, "out_features": 5, "bias": True, "activation_function": ACTIVATION + "Tanh"})
    dense = {k: torch.from_numpy(seeded.seeded(f"2_Dense.{k}", s)) for k, s in (("linear.weight", (5, 24)), ("linear.bias", (5,)))}
    save_file(dense, d / "2_Dense/model.safetensors", metadata={"format": "pt"})


def lower_in_sbert(d):
    """do_lower_case in sentence_bert_config.json lower-cases in front of a cased tokenizer, without taking accents off."""
    encoder(d, config(8, 1, 2, 16, CASED), CASED, {"do_lower_case": False})
    dump(d / "modules.json", old_modules(("", "Transformer"), ("1_Pooling", "Pooling"), style="sentence_transformers.sentence_transformer.modules."))
    dump(d / "1_Pooling/config.json", old_pooling(8, include_prompt=True))
    dump(d / "sentence_bert_config.json", {"max_seq_length": None, "do_lower_case": True})


# name, what it shows, its maker, its texts
MODELS = [
    ("plain", "two layers, mean pooling, as 6.2 saves it", plain, words.TEXTS),
    ("one-layer-cls", "one layer, one head, cls pooling", one_layer_cls, words.FEW),
    ("odd-widths", "hidden 15, heads of 5, wide 23, gelu_new, max pooling", odd_widths, words.FEW),
    ("head-size-one", "12 heads of 1, wide smaller than hidden, gelu_pytorch_tanh, mean_sqrt_len", head_size_one, words.FEW),
    ("relu-one-type", "relu, one token type, epsilon 1e-5, weightedmean", relu_one_type, words.FEW),
    ("deep-lasttoken", "six layers, lasttoken", deep_lasttoken, words.FEW),
    ("wide-concatenated", "hidden 36, all six poolings in an order of their own", wide_concatenated, words.FEW),
    ("outliers", "four channels with LayerNorm gains of 3 to 5", outliers, words.FEW),
    ("float16", "float16 weights", float16, words.FEW),
    ("bfloat16", "bfloat16 weights", bfloat16, words.FEW),
    ("uncased-json", "lower-casing tokenizer.json, Normalize", uncased_json, words.FEW),
    ("roberta", "RoBERTa with WordPiece, the KLUE family: positions by padding id", roberta, words.TEXTS),
    ("dense-chain", "Dense (tanh), LayerNorm, Normalize", dense_chain, words.FEW),
    ("dense-kinds", "Dense with relu, gelu, sigmoid, identity; without bias; residuals; Dropout", dense_kinds, words.FEW),
    ("dense-on-tokens", "Dense and Normalize on token embeddings, before pooling", dense_on_tokens, words.FEW),
    ("prompts", "prompts left out of six poolings, a default prompt, euclidean", prompts, words.FEW),
    ("truncated", "Normalize, then truncate_dim 5; dot; a prompt", truncated, words.FEW),
    ("no-modules", "no modules.json; long texts are cut at their beginning", no_modules, words.FEW),
    ("uncased-vocab", "vocab.txt alone", uncased_vocab, words.FEW),
    ("old-names", "old type names, booleans, gamma and beta, bert. prefix, no pooler", old_names, words.TEXTS),
    ("old-subfolder", "0_Transformer, three booleans, Dense, Normalize without a folder", old_subfolder, words.FEW),
    ("lower-in-sbert", "do_lower_case in sentence_bert_config.json, no boolean set", lower_in_sbert, words.FEW),
]


def make(folder):
    shutil.rmtree(folder, ignore_errors=True)
    for name, _, maker, _ in MODELS:
        maker(folder / name)
