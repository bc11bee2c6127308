"""What onnxruntime's dynamic int8 makes of a model: mean vectors of some texts, float32 and int8.

    .venv/bin/python onnx_int8.py FOLDER TEXTS.json OUT

TEXTS.json is a list of lists of token ids. Writes OUT/float32.f32, OUT/per-channel.f32 and OUT/per-tensor.f32, [texts, H] each.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import AutoModel

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


class States(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


def export(folder, to):
    model = AutoModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    ids = torch.randint(5, 90, (2, 12))
    mask = torch.ones_like(ids)
    axes = {name: {0: "batch", 1: "length"} for name in [*INPUTS, "last_hidden_state"]}
    with torch.no_grad():
        torch.onnx.export(
            States(model.eval()),
            (ids, mask, torch.zeros_like(ids)),
            to,
            input_names=INPUTS,
            output_names=["last_hidden_state"],
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )


def vectors(graph, texts):
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    rows = []
    for ids in texts:
        row = np.array([ids], dtype=np.int64)
        (states,) = session.run(None, {"input_ids": row, "attention_mask": np.ones_like(row), "token_type_ids": np.zeros_like(row)})
        rows.append(states[0].mean(axis=0))
    return np.stack(rows).astype("<f4")


def main():
    folder, texts_file, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    texts = json.loads(Path(texts_file).read_text())
    with tempfile.TemporaryDirectory() as temporary:
        plain = str(Path(temporary, "plain.onnx"))
        export(folder, plain)
        # Without VNNI its products of unsigned by signed bytes saturate; those of unsigned ones do not.
        vnni = any(name in Path("/proc/cpuinfo").read_text() for name in ("avx512_vnni", "avx_vnni")) if Path("/proc/cpuinfo").exists() else True
        vectors(plain, texts).tofile(out / "float32.f32")
        for name, per_channel in (("per-channel", True), ("per-tensor", False)):
            small = str(Path(temporary, f"{name}.onnx"))
            quantize_dynamic(
                plain, small, per_channel=per_channel, weight_type=QuantType.QInt8 if vnni else QuantType.QUInt8, extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT}
            )
            vectors(small, texts).tofile(out / f"{name}.f32")
    print(onnxruntime.__version__ + ("" if vnni else " with unsigned weights, as its makers advise where the CPU has no VNNI"))


main()
