"""Stages of masked language modelling: with random layers, or with those of a smaller model, some of them twice."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .bag import Bag, bag_of, beside
from .files import written
from .loop import compiled, train
from .model import Encoder, Head, mean, on
from .pack import Packed, batches, end_to_end, rows
from .prepare import load_sequences, load_vectors
from .profiles import Budget, Profile, Shape
from .run import Run
from .text import seed_of
from .vocab import MASK, SPECIAL


def mask(ids: np.ndarray, often: np.ndarray, rate: float, entries: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """
    ([B,L] ids with some replaced, [B,L] bool which are to be told). Of those 80 % become [MASK], 10 % another entry, 10 % stay.
    Entries that are `often` in the text are chosen half as often; special ones never.
    """
    chance = np.where(often[ids], rate / 2, rate) * (ids >= len(SPECIAL))
    chosen = random.random(ids.shape) < chance
    if not chosen.any():
        chosen[0, 1] = True
    what = random.random(ids.shape)
    out = np.where(chosen & (what < 0.8), MASK, ids)
    other = random.integers(len(SPECIAL), entries, ids.shape)
    return np.where(chosen & (what >= 0.9), other, out), chosen


def rate_at(step: int, profile: Profile, budget: Budget) -> float:
    """The mask rate of a step: a straight line from the first one to the last."""
    first, last = profile.mask_rate
    return first + (last - first) * step / budget.steps


def new_encoder(run: Run, shape: Shape) -> Encoder:
    """Random layers over the word vectors of the co-occurrence counts; its loss on words begins with how frequent they are."""
    torch.manual_seed(seed_of(run.seed, "start", shape.hidden, shape.layers))
    encoder = Encoder(run.entries(), shape)
    with torch.no_grad():
        encoder.words.weight.copy_(torch.from_numpy(load_vectors(run, shape.hidden)))
    encoder.bag.load_state_dict(new_head(run.entries(), shape.hidden, shares(load_sequences(run), run.entries())).state_dict())
    return encoder.to(run.profile.device)


def grown(small: Encoder, shape: Shape) -> Encoder:
    """
    A deeper encoder: the layers of the small one, and its last ones once more on top (Gong et al. 2019). What those add goes through products
    that start at zero, so that it is nothing at first: exact copies would be given what they were never trained on.
    """
    encoder = Encoder(len(small.words.weight), shape).to(small.words.weight.device)
    old, new = len(small.layers), len(encoder.layers)
    if not old <= new <= 2 * old:
        raise SystemExit(f"an encoder of {old} layers grows to at most {2 * old}, not to {new}: change the shapes in profiles.py")
    state = {name: value for name, value in small.state_dict().items() if not name.startswith("layers.")}
    for i in range(new):
        layer = small.layers[i if i < old else i - (new - old)]
        state.update({f"layers.{i}.{name}": value for name, value in layer.state_dict().items()})
    encoder.load_state_dict(state)
    for layer in encoder.layers[old:]:
        for product in (layer.out, layer.down):
            nn.init.zeros_(product.weight)
            nn.init.zeros_(product.bias)
    return encoder


def shares(packed: Packed, entries: int) -> np.ndarray:
    """[entries] how much of the text each entry is."""
    return np.bincount(packed.ids, minlength=entries) / len(packed.ids)


def new_head(entries: int, hidden: int, share: np.ndarray) -> Head:
    """Says at first what a model that knows nothing should: how frequent each entry is."""
    head = Head(entries, hidden)
    with torch.no_grad():
        head.bias.copy_(torch.from_numpy(np.log(np.maximum(share, 1e-8)).astype(np.float32)))
    return head


def pretrain(run: Run, stage: str, encoder_of: Callable[[], Encoder], budget: Budget, before: str | None = None) -> None:
    """`encoder_of()` gives the encoder to start from; `before` names the stage that it comes from, whose head goes on with it."""
    profile = run.profile

    def work(folder: Path) -> dict:
        packed = load_sequences(run)
        entries = run.entries()
        encoder = encoder_of()
        encoder.set_dropout(profile.mlm_dropout)
        share = shares(packed, entries)
        head = new_head(entries, encoder.shape.hidden, share)
        if before:
            head.load_state_dict(torch.load(run.folder(before) / "head.pt", map_location="cpu", weights_only=True))
        head = head.to(profile.device)
        often = share > profile.frequent
        epochs: dict[int, list[np.ndarray]] = {}
        per_epoch = len(batches(packed, profile.mlm_tokens, run.seed, 0))
        fast = compiled(encoder, profile, lambda m: m(torch.ones(8, 24, dtype=torch.long, device=profile.device)))

        def batch_at(step: int) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], Bag]:
            """[B,L] masked ids; the flat places of those that are to be told; and what they were. And which words each sequence has."""
            epoch = step // per_epoch
            if epoch not in epochs:
                epochs.clear()
                epochs[epoch] = batches(packed, profile.mlm_tokens, run.seed, epoch)
            ids = rows(packed, epochs[epoch][step % per_epoch]).astype(np.int64)
            masked, chosen = mask(ids, often, rate_at(step, profile, budget), entries, np.random.default_rng(seed_of(run.seed, stage, "mask", step)))
            at = np.flatnonzero(chosen)
            return (masked, at, ids.ravel()[at]), bag_of(end_to_end(list(ids)))

        def loss_of(batch: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], Bag]) -> Tensor:
            masked, at, were = (on(array, profile.device) for array in batch[0])
            hidden = fast(masked)
            said = head(hidden.flatten(0, 1).index_select(0, at), encoder.words.weight)
            return beside(F.cross_entropy(said.float(), were), encoder, mean(hidden, None), batch[1], profile.bag_mlm, profile)

        note = train(folder, {"encoder": encoder, "head": head}, batch_at, loss_of, budget, profile, run.seed, muon=encoder.layers)
        run.save_model(stage, encoder)
        with written(folder / "head.pt") as to:
            torch.save(head.state_dict(), to)
        return {**note, "epochs": round(note["steps"] / per_epoch, 2)}

    run.stage(stage, work)
