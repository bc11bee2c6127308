"""
The engine's int8 as training sees it (docs/int8.md): the same rounding forwards, and backwards as if there were none (straight-through).

    weight   W[o][i] ~ q[o][i] * scale[o] * balance[i]     q from -127 to 127, a scale for each output
    input    x' = x * balance, lo = min(0, least), hi = max(0, largest), s = (hi - lo) / 127, z = round(-lo / s)
             u = clamp(round(x' / s) + z, 0, 127), and what the product sees is (u - z) * s

Rounding is to the nearest, ties to even, in both. Sums are exact in the engine and float32 here; that is the only difference.
"""

import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAST = 1e-3  # a column that the calibration text hardly used counts as a thousandth of the largest


def rows(weight: Tensor) -> Tensor:
    """A table or a balanced weight with a scale for each row."""
    w = weight.detach()
    scale = w.abs().amax(-1, keepdim=True) / 127
    scale = torch.where(scale == 0, 1.0, scale)
    whole = torch.clamp(torch.round(w / scale), -127, 127) * scale
    return weight + (whole - w)


def inputs(x: Tensor) -> Tensor:
    """Rows [..., K] with 128 steps each."""
    v = x.detach()
    lo = v.amin(-1, keepdim=True).clamp(max=0)
    hi = v.amax(-1, keepdim=True).clamp(min=0)
    s = (hi - lo) / 127
    s = torch.where(s == 0, 1.0, s)
    z = torch.round(-lo / s)
    u = torch.clamp(torch.round(v / s) + z, 0, 127)
    return x + ((u - z) * s - v)


class Product(nn.Linear):
    """One of the four matrix products of a layer, with the engine's whole numbers where `fake` is set."""

    def __init__(self, inside: int, outside: int):
        super().__init__(inside, outside)
        self.fake = False
        self.measured: Tensor | None = None  # the largest |x| of each input while calibrating
        self.register_buffer("balance", torch.ones(inside))

    def forward(self, x: Tensor) -> Tensor:
        if self.measured is not None:
            self.measured = torch.maximum(self.measured, x.detach().abs().reshape(-1, x.shape[-1]).amax(0).float())
        if not self.fake:
            return super().forward(x)
        with torch.autocast(x.device.type, enabled=False):
            x = inputs(x.float() * self.balance)
            return F.linear(x, rows(self.weight / self.balance), self.bias)


def calibration_texts(source: Path | None = None) -> list[str]:
    """The 27 lines that the engine measures a model with, out of its own source."""
    source = source or Path(__file__).parents[2] / "src" / "quantised" / "text.ts"
    return re.findall(r'^  "(.*)",$', source.read_text(encoding="utf-8"), re.M)


@torch.no_grad()
def calibrate(encoder, texts, device: str) -> None:
    """Sets the balances: sqrt(largest |W| of a column / largest |x| of it), of the float model on the engine's own text."""
    from .model import on

    products = [m for m in encoder.modules() if isinstance(m, Product)]
    was, training = encoder.fake, encoder.training
    encoder.set_fake(False)
    encoder.eval()
    for product in products:
        product.measured = torch.zeros(product.in_features, device=product.weight.device)
    for i in range(len(texts)):  # one at a time: padding would be measured too
        encoder(on(texts.ids[texts.starts[i] : texts.starts[i + 1]].astype("int64"), device)[None])
    for product in products:
        most = product.measured
        product.measured = None
        most = torch.maximum(most, most.max() * LEAST)
        balance = torch.sqrt(product.weight.abs().amax(0) / most)
        product.balance.copy_(torch.where((balance > 0) & balance.isfinite(), balance, 1.0))
    encoder.set_fake(was)
    encoder.train(training)
