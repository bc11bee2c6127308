"""What rivals load: tokenizer.json for the vocabulary, and ONNX graphs of the seeded weights, fused for BERT, float32 and int8.

    .venv/bin/python export.py .cache/model [--plain]

--plain: float32 only, and the graph before fusion is kept beside it.
"""

import json
import sys
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.optimizer import optimize_model
from transformers import BertModel, BertTokenizerFast

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


class States(torch.nn.Module):
    """The encoder as the graphs have it: three inputs, the last hidden states."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


def export(folder, to):
    # eager: the attention written out, which is the pattern that the fusion knows
    model = States(BertModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False).eval())
    ids = torch.randint(5, 1000, (2, 12))
    mask = torch.ones_like(ids)
    mask[1, 7:] = 0
    axes = {name: {0: "batch", 1: "length"} for name in [*INPUTS, "last_hidden_state"]}
    with torch.no_grad():
        torch.onnx.export(
            model,
            (ids, mask, torch.zeros_like(ids)),
            to,
            input_names=INPUTS,
            output_names=["last_hidden_state"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def fuse(source, to, config):
    heads, hidden, layers = (config[name] for name in ("num_attention_heads", "hidden_size", "num_hidden_layers"))
    options = FusionOptions("bert")
    options.use_raw_attention_mask(True)
    fused = optimize_model(str(source), model_type="bert", num_heads=heads, hidden_size=hidden, optimization_options=options, opt_level=0, use_gpu=False)
    fused.save_model_to_file(str(to))
    counts = {}
    for node in fused.model.graph.node:
        counts[node.op_type] = counts.get(node.op_type, 0) + 1
    print(to.name, counts)
    # A graph that the fusion did not know would be a slower rival than need be.
    for kind, least in (("Attention", layers), ("BiasGelu", layers), ("SkipLayerNormalization", 2 * layers)):
        if counts.get(kind, 0) < least:
            raise SystemExit(f"only {counts.get(kind, 0)} of {least} {kind} nodes were fused")


def main():
    folder = Path(sys.argv[1])
    only_float32 = "--plain" in sys.argv
    config = json.loads((folder / "config.json").read_text())
    onnx_folder = folder / "onnx"
    onnx_folder.mkdir(exist_ok=True)
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=False, strip_accents=False, model_max_length=128).save_pretrained(folder)
    plain, fused, small = (onnx_folder / name for name in ("plain.onnx", "model.onnx", "model_quantized.onnx"))
    if not fused.exists() or (only_float32 and not plain.exists()):
        part = onnx_folder / "part.onnx"
        export(folder, plain)
        fuse(plain, part, config)
        if not only_float32:
            plain.unlink()
        part.rename(fused)
    if not only_float32 and not small.exists():
        part = onnx_folder / "part.onnx"
        # Shape inference does not know the fused operators, so the type of what they give has to be told.
        extra = {"DefaultTensorType": onnx.TensorProto.FLOAT}
        quantize_dynamic(str(fused), str(part), per_channel=True, weight_type=QuantType.QInt8, extra_options=extra)
        print(small.name, sorted({node.op_type for node in onnx.load(part).graph.node}))
        part.rename(small)


main()
