"""Muon (Jordan et al. 2024): momentum whose singular values are made equal. For the matrices of the layers; AdamW has the rest."""

import torch
from torch import Tensor


def orthogonal(g: Tensor, dtype: torch.dtype = torch.float32, steps: int = 5) -> Tensor:
    """Newton-Schulz: about U V^T of g = U S V^T. Rough on purpose; bfloat16 is enough."""
    x = (g / (g.norm() + 1e-7)).to(dtype)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(steps):
        y = x @ x.T
        x = 3.4445 * x + (-4.7750 * y + 2.0315 * y @ y) @ x
    return (x.T if tall else x).to(g.dtype)


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters, lr: float, momentum: float = 0.95, weight_decay: float = 0.01, dtype: torch.dtype = torch.float32):
        self.dtype = dtype
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                update = p.grad.lerp(state["momentum"], group["momentum"])  # Nesterov
                # A stacked weight (q, k, v) is three matrices.
                parts = update.split(update.shape[1]) if update.shape[0] == 3 * update.shape[1] else [update]
                update = torch.cat([orthogonal(part, self.dtype) * max(1, part.shape[0] / part.shape[1]) ** 0.5 for part in parts])
                p.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"])


def optimisers(
    modules: list[torch.nn.Module], layers: torch.nn.Module | None, rate: float, muon: float, dtype: torch.dtype
) -> list[torch.optim.Optimizer]:
    """AdamW for all parameters; with `layers`, Muon for the matrices in there, orthogonalised in `dtype`."""
    matrices = [p for p in layers.parameters() if p.ndim == 2] if layers is not None else []
    taken = {id(p) for p in matrices}
    rest = [p for module in modules for p in module.parameters() if id(p) not in taken]
    groups = [
        {"params": [p for p in rest if p.ndim > 1], "weight_decay": 0.01},
        {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
    ]
    out: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)]
    if matrices:
        out.append(Muon(matrices, lr=muon, dtype=dtype))
    return out
