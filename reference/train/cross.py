"""Stages of augmented SBERT (Thakur et al. 2021): a cross-encoder learns the STS sets, and labels pairs that were mined by similarity."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from . import prepare
from .files import read_json, write_json, written
from .loop import precision, train
from .model import Cross, Encoder, embed, on, pad
from .pack import Packed, end_to_end
from .run import Run
from .splits import BINS, bin_of
from .text import key, random_of, seed_of
from .vocab import IdsOf, ids_of

RELATIONS = {"entailment": 0, "neutral": 1, "contradiction": 2}


@dataclass(frozen=True)
class Joined:
    """[CLS] a [SEP] b [SEP] as ids, and how many of them are a's."""

    ids: Packed
    lengths: np.ndarray

    def on(self, device: str) -> tuple[Tensor, Tensor | None, Tensor]:
        """Padded ids; mask; types 0 and 1."""
        ids, mask = pad(self.ids, np.arange(len(self.ids)), device)
        return ids, mask, on((np.arange(ids.shape[1]) >= self.lengths[:, None]).astype(np.int64), device)


def joined(first: list[np.ndarray], second: list[np.ndarray]) -> Joined:
    return Joined(end_to_end([np.concatenate([a, b[1:]]) for a, b in zip(first, second)]), np.array([len(a) for a in first]))


def train_cross(run: Run, encoder_of) -> None:
    """On scores and, in every other step, on inference: contradictions teach it what a small word can do."""
    profile = run.profile

    def work(folder: Path) -> dict:
        read, tokenizer = prepare.load(run), run.tokenizer()
        ids = prepare.ids_of(run)
        torch.manual_seed(seed_of(run.seed, "cross"))
        model = Cross(encoder_of()).to(profile.device)
        model.encoder.set_dropout(profile.dropout)
        sts = list(read.sts.items())

        def batch_at(step: int) -> tuple[Joined, np.ndarray]:
            """The pairs; and their relations, as whole numbers, or their scores."""
            random = random_of(run.seed, "cross", step)
            if step % 2 and read.nli:
                rows = random.sample(read.nli, min(profile.cross_batch, len(read.nli)))
                wanted = np.array([RELATIONS[relation] for _, _, relation in rows], dtype=np.int64)
            else:
                pairs = random.choices([rows for _, rows in sts], [len(rows) for _, rows in sts])[0]
                rows = [(a, b, s) if random.random() < 0.5 else (b, a, s) for a, b, s in random.sample(pairs, min(profile.cross_batch, len(pairs)))]
                wanted = np.array([score for _, _, score in rows], dtype=np.float32)
            return joined(*(ids([row[side] for row in rows]) for side in (0, 1))), wanted

        def loss_of(batch: tuple[Joined, np.ndarray]) -> Tensor:
            score, relation = model(*batch[0].on(profile.device))
            wanted = on(batch[1], profile.device)
            return F.binary_cross_entropy_with_logits(score, wanted) if wanted.is_floating_point() else F.cross_entropy(relation, wanted)

        note = train(folder, {"cross": model}, batch_at, loss_of, profile.cross, profile, run.seed)
        with written(folder / "cross.pt") as to:
            torch.save(model.state_dict(), to)
        quality = {name: spearman(run, model, ids, rows) for name, rows in read.slices.items() if len(rows) > 2}
        return {**note, "slices": quality}

    run.stage("cross", work)


def spearman(run: Run, model: Cross, ids: IdsOf, rows: list) -> float:
    from scipy.stats import spearmanr

    return round(100 * float(spearmanr(scores_of(run, model, ids, [row[:2] for row in rows]), [row[2] for row in rows])[0]), 2)


@torch.no_grad()
def scores_of(run: Run, model: Cross, ids: IdsOf, pairs: list[tuple[str, str]]) -> np.ndarray:
    """The score of each pair, read in both orders."""
    a, b = (ids([pair[side] for pair in pairs]) for side in (0, 1))
    chunk = 128 if run.profile.device == "cpu" else 1_024
    order = sorted(range(len(pairs)), key=lambda i: len(a[i]) + len(b[i]))
    out = np.zeros(len(pairs), np.float32)
    for i in range(0, len(order), chunk):
        at = order[i : i + chunk]
        with precision(run.profile):
            both = [model(*joined([x[j] for j in at], [y[j] for j in at]).on(run.profile.device))[0] for x, y in ((a, b), (b, a))]
        out[at] = torch.sigmoid((both[0] + both[1]).float() / 2).cpu().numpy()
    return out


def mine(run: Run, encoder_of) -> None:
    """Pairs of texts from the labelled sets: neighbours by the bi-encoder's similarity, near and less near, and some at random."""
    profile = run.profile

    def work(folder: Path) -> dict:
        read, tokenizer, encoder = prepare.load(run), run.tokenizer(), encoder_of()
        random = random_of(run.seed, "mine")
        pool = {key(t): t for rows in (*read.sts.values(), read.nli, read.different, *read.pairs.values()) for row in rows for t in row[:2] if len(t) <= 100}
        pool.update({key(t): t for groups in read.groups.values() for group in groups for t in group[:3]})
        texts = list(pool.values())
        texts = random.sample(texts, min(profile.mined_texts, len(texts)))
        vectors = vectors_of(run, encoder, tokenizer, texts)
        near = neighbours(vectors, min(50, len(texts) - 1), profile.device)
        pairs: dict[tuple[int, int], None] = {}
        for _ in range(20 * profile.mined_pairs):
            if len(pairs) >= 2 * profile.mined_pairs:
                break
            i = random.randrange(len(texts))
            rank = int(near.shape[1] ** random.random()) - 1  # near ones more often: log-uniform
            j = int(near[i, rank]) if random.random() < 0.85 else random.randrange(len(texts))
            if i != j:
                pairs[min(i, j), max(i, j)] = None
        write_json(folder / "pairs.json", [[texts[i], texts[j]] for i, j in pairs])
        return {"texts": len(texts), "pairs": len(pairs)}

    run.stage("mine", work)


@torch.no_grad()
def vectors_of(run: Run, encoder: Encoder, tokenizer, texts: list[str]) -> np.ndarray:
    """Unit vectors [N,H]."""
    out = []
    for i in range(0, len(texts), 2_048):
        with precision(run.profile):
            v = embed(encoder, end_to_end(ids_of(tokenizer, texts[i : i + 2_048], run.profile.longest)), run.profile.device)
        out.append(torch.nn.functional.normalize(v.float(), dim=-1).cpu().numpy())
    return np.concatenate(out)


@torch.no_grad()
def neighbours(vectors: np.ndarray, k: int, device: str = "cpu") -> np.ndarray:
    """[N,k]: the nearest others of each, nearest first."""
    all_rows = on(vectors, device)
    out = []
    for i in range(0, len(vectors), 1_024):
        similar = all_rows[i : i + 1_024] @ all_rows.T
        here = torch.arange(len(similar), device=device)
        similar[here, here + i] = -2
        out.append(similar.topk(k).indices.to(torch.int32).cpu())
    return torch.cat(out).numpy()


def label(run: Run, encoder_of) -> None:
    """Scores for the mined pairs, kept every few seconds; then as many of each fifth of the scores as there can be."""
    profile = run.profile

    def work(folder: Path) -> dict:
        model = Cross(encoder_of()).to(profile.device)
        model.load_state_dict(torch.load(run.folder("cross") / "cross.pt", map_location=profile.device, weights_only=True))
        model.eval()
        ids, pairs = prepare.ids_of(run), [tuple(pair) for pair in read_json(run.folder("mine") / "pairs.json")]
        scores: list[float] = []
        part_size = 4_000 if profile.device == "cpu" else 50_000
        for i in range(0, len(pairs), part_size):
            part = folder / f"scores-{i}.json"
            if not part.exists():
                write_json(part, [round(float(s), 5) for s in scores_of(run, model, ids, pairs[i : i + part_size])])
            scores += read_json(part)
        chosen = balanced(scores, profile.mined_pairs, run.seed)
        write_json(folder / "silver.json", [[*pairs[i], scores[i]] for i in chosen])
        return {"pairs": len(chosen), "by fifth": [sum(bin_of(scores[i]) == b for i in chosen) for b in range(BINS)]}

    run.stage("label", work)


def balanced(scores: list[float], most: int, seed: int) -> list[int]:
    """Indices of at most `most` scores, the same number from each fifth as far as there are enough, and the rest from the others."""
    by_bin: list[list[int]] = [[] for _ in range(BINS)]
    for i in random_of(seed, "balanced").sample(range(len(scores)), len(scores)):
        by_bin[bin_of(scores[i])].append(i)
    chosen: list[int] = []
    for n, members in enumerate(sorted(by_bin, key=len)):  # the scarce first; what they lack is shared by those after them
        chosen += members[: (most - len(chosen)) // (BINS - n)]
    return sorted(chosen)


def load_silver(run: Run) -> list[tuple[str, str, float]]:
    return [tuple(row) for row in read_json(run.folder("label") / "silver.json")]
