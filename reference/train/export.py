"""The sentence-transformers folder: the names that transformers and the engine know."""

from pathlib import Path

import torch
from safetensors.torch import save as to_bytes
from torch import Tensor

from .files import write_json, written
from .model import Encoder
from .vocab import SPECIAL


def tensors_of(encoder: Encoder, dtype: torch.dtype) -> dict[str, Tensor]:
    names = {
        "embeddings.word_embeddings": encoder.words,
        "embeddings.position_embeddings": encoder.positions,
        "embeddings.token_type_embeddings": encoder.types,
        "embeddings.LayerNorm": encoder.norm,
    }
    out = {}
    for i, layer in enumerate(encoder.layers):
        stem = f"encoder.layer.{i}"
        for kind in ("weight", "bias"):
            for part, tensor in zip(("query", "key", "value"), getattr(layer.qkv, kind).chunk(3)):
                out[f"{stem}.attention.self.{part}.{kind}"] = tensor
        names[f"{stem}.attention.output.dense"] = layer.out
        names[f"{stem}.attention.output.LayerNorm"] = layer.norm1
        names[f"{stem}.intermediate.dense"] = layer.up
        names[f"{stem}.output.dense"] = layer.down
        names[f"{stem}.output.LayerNorm"] = layer.norm2
    for name, module in names.items():
        out[f"{name}.weight"] = module.weight
        if getattr(module, "bias", None) is not None:
            out[f"{name}.bias"] = module.bias
    return {name: out[name].detach().cpu().to(dtype).contiguous() for name in sorted(out)}


@torch.no_grad()
def round_to(encoder: Encoder, dtype: torch.dtype) -> None:
    """The weights as the file will hold them, so that figures are of what is shipped."""
    for p in encoder.parameters():
        p.copy_(p.to(dtype).to(p.dtype))


def export(encoder: Encoder, entries: list[str], folder: Path, dtype: torch.dtype = torch.float16) -> None:
    shape = encoder.shape
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")}
    assert set(special.values()) == set(SPECIAL)
    write_json(
        folder / "config.json",
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "vocab_size": len(entries),
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.wide,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "attention_probs_dropout_prob": 0.1,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": 2,
            "initializer_range": 0.02,
            "layer_norm_eps": 1e-12,
            "pad_token_id": 0,
            "position_embedding_type": "absolute",
            "torch_dtype": "float16" if dtype == torch.float16 else "float32",
        },
    )
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": False,
            "strip_accents": False,
            "tokenize_chinese_chars": True,
            "do_basic_tokenize": True,
            "never_split": None,
            "model_max_length": shape.positions,
            **special,
        },
    )
    write_json(folder / "special_tokens_map.json", special)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": shape.positions, "do_lower_case": False})
    kinds = ("", "sentence_transformers.models.Transformer"), ("1_Pooling", "sentence_transformers.models.Pooling")
    write_json(folder / "modules.json", [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(kinds)])
    modes = {f"pooling_mode_{mode}": mode == "mean_tokens" for mode in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": shape.hidden, **modes})
    with written(folder / "vocab.txt") as to:
        to.write_text("\n".join(entries) + "\n", encoding="utf-8")
    with written(folder / "model.safetensors") as to:
        to.write_bytes(to_bytes(tensors_of(encoder, dtype), metadata={"format": "pt"}))
