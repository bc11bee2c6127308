"""The training loop: steps, schedule, budget, checkpoints. Every stage that trains is this loop with another loss."""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .ahead import ahead
from .files import written
from .muon import optimisers
from .profiles import Budget, Profile
from .text import seed_of


def progress(budget: Budget, step: int, elapsed: float) -> float:
    """How much of the budget is used up: of the steps or of the seconds, whichever is more."""
    return max(step / budget.steps, 0.0 if budget.seconds is None else elapsed / budget.seconds)


def schedule(done: float, warm: float) -> float:
    """Share of the peak rate: linear up to 1, then a cosine down to 0."""
    if done < warm:
        return (done + 1e-3) / (warm + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (done - warm) / (1 - warm))))


def has_bfloat16(device: str) -> bool:
    """Whether bfloat16 products are faster than float32 ones: emulated ones are slower by far."""
    if device != "cpu":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def precision(profile: Profile):
    """The context the forward pass runs in."""
    on = profile.autocast and has_bfloat16(profile.device)
    return torch.autocast(profile.device, dtype=torch.bfloat16) if on else nullcontext()


def compiled(module: nn.Module, profile: Profile, example: Callable[[nn.Module], Tensor]) -> Callable:
    """torch.compile where it works; where it does not (no C++ compiler, say), the module itself, and one line that says so."""
    if not profile.compile:
        return module
    try:
        fast = torch.compile(module, dynamic=True)
        with precision(profile):
            example(fast).float().sum().backward()
        module.zero_grad(set_to_none=True)
        return fast
    except Exception as error:  # torch raises many kinds
        print(f"  torch.compile does not work here, going on without: {type(error).__name__}", flush=True)
        module.zero_grad(set_to_none=True)
        return module


def train(
    folder: Path,
    modules: dict[str, nn.Module],
    batch_at: Callable[[int], Any],
    loss_of: Callable[[Any], Tensor],
    budget: Budget,
    profile: Profile,
    seed: int,
    muon: nn.Module | None = None,
    before_step: Callable[[int], None] = lambda step: None,
) -> dict:
    """
    Trains `modules` on the batches of steps 0, 1 and so on, until the budget is used up; goes on from folder/state.pt where that is there.
    Whatever is random in step n comes from (seed, folder's name, n) alone, so a run that was killed gives the bytes of one that was not (as long as the budget is in steps).
    Returns what is worth keeping about it.
    """
    fast = torch.bfloat16 if profile.autocast and has_bfloat16(profile.device) else torch.float32
    groups = optimisers(list(modules.values()), muon, budget.rate, budget.muon, fast)
    peaks = [[group["lr"] for group in optimiser.param_groups] for optimiser in groups]
    parameters = [p for module in modules.values() for p in module.parameters()]
    path = folder / "state.pt"
    step, elapsed, average, history = 0, 0.0, None, []
    if path.exists():
        state = torch.load(path, map_location=profile.device, weights_only=True)
        step, elapsed, average, history = state["step"], state["elapsed"], state["average"], state["history"]
        for name, module in modules.items():
            module.load_state_dict(state["modules"][name])
        for optimiser, saved in zip(groups, state["optimisers"]):
            optimiser.load_state_dict(saved)
        print(f"  {folder.name}: goes on from step {step}, {elapsed:.0f} s", flush=True)

    def save() -> None:
        state = {
            "step": step,
            "elapsed": elapsed,
            "average": average,
            "history": history,
            "modules": {name: module.state_dict() for name, module in modules.items()},
            "optimisers": [optimiser.state_dict() for optimiser in groups],
        }
        with written(path) as to:
            torch.save(state, to)

    losses: list[Tensor] = []  # not read yet: reading one makes the CPU wait for the GPU

    def read() -> None:
        nonlocal average
        for i, value in enumerate(torch.stack(losses).tolist() if losses else []):
            if not math.isfinite(value):
                at = step - len(losses) + i
                raise SystemExit(f"{folder.name}: the loss of step {at} is {value}; lower the rate of this stage in profiles.py")
            average = value if average is None else 0.98 * average + 0.02 * value
        losses.clear()

    for module in modules.values():
        module.train()
    saved_at = elapsed
    printed_at = -math.inf
    coming = ahead(batch_at, step, budget.steps, profile.workers)
    while progress(budget, step, elapsed) < 1:
        began = time.monotonic()
        batch = next(coming)
        torch.manual_seed(seed_of(seed, folder.name, step))
        before_step(step)
        share = schedule(progress(budget, step, elapsed), budget.warm)
        with precision(profile):
            loss = loss_of(batch)
        loss.backward()
        losses.append(loss.detach())
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimiser, rates in zip(groups, peaks):
            for group, rate in zip(optimiser.param_groups, rates):
                group["lr"] = rate * share
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        step += 1
        elapsed += time.monotonic() - began
        if len(losses) == 50 or progress(budget, step, elapsed) >= 1 or profile.device == "cpu":
            read()
        if elapsed - printed_at > 30 or progress(budget, step, elapsed) >= 1:
            printed_at = elapsed
            read()
            history.append([step, round(elapsed, 1), round(average, 4)])
            print(f"  {folder.name}: step {step}, {elapsed:.0f} s, loss {average:.3f}, rate x{share:.2f}", flush=True)
        if elapsed - saved_at >= profile.save_seconds:
            saved_at = elapsed
            read()
            save()
    for module in modules.values():
        module.eval()
    return {"steps": step, "seconds": round(elapsed, 1), "loss": average, "history": history}
