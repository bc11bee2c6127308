"""Muon (Jordan et al. 2024): momentum whose singular values are made equal. For the matrices of the layers; AdamW has the rest."""

import torch
from torch import Tensor


def orthogonal(g: Tensor, dtype: torch.dtype = torch.float32, steps: int = 5) -> Tensor:
    """Newton-Schulz: about U V^T of g = U S V^T, for each of the matrices [N,O,I]. Rough on purpose; bfloat16 is enough."""
    x = (g / (g.norm(dim=(-2, -1), keepdim=True) + 1e-7)).to(dtype)
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    for _ in range(steps):
        y = x @ x.mT
        x = 3.4445 * x + (-4.7750 * y + 2.0315 * y @ y) @ x
    return (x.mT if tall else x).to(g.dtype)


class Muon(torch.optim.Optimizer):
    def __init__(self, parameters, lr: float, momentum: float = 0.95, weight_decay: float = 0.01, dtype: torch.dtype = torch.float32):
        self.dtype = dtype
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            # Matrices of one shape are made orthogonal together: a GPU would rather have one large product than a hundred small ones.
            same: dict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = {}
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                update = p.grad.lerp(state["momentum"], group["momentum"])  # Nesterov
                p.mul_(1 - group["lr"] * group["weight_decay"])
                # A stacked weight (q, k, v) is three matrices.
                stacked = p.shape[0] == 3 * p.shape[1]
                for part, towards in zip(p.chunk(3), update.chunk(3)) if stacked else [(p, update)]:
                    same.setdefault(tuple(part.shape), []).append((part, towards))
            for (rows, columns), pairs in same.items():
                size = max(1, rows / columns) ** 0.5
                for (part, _), towards in zip(pairs, orthogonal(torch.stack([u for _, u in pairs]), self.dtype)):
                    part.add_(towards, alpha=-group["lr"] * size)


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
