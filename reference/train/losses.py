"""Losses on sentence vectors. Each says its formula; a test holds it against loops that spell the formula out."""

import torch
import torch.nn.functional as F
from torch import Tensor


def at_dims(loss, dims: tuple[int, ...], weights: tuple[float, ...], *vectors: Tensor) -> Tensor:
    """
    Matryoshka: a loss on the first 256 numbers of the vectors, the first 128 and the first 64, weighted (Kusupati et al. 2022).
    In float32: bfloat16 rounds a cosine just below 1 by up to 0.002, which a scale of 20 makes 0.04.
    """
    with torch.autocast(vectors[0].device.type, enabled=False):
        total = sum(weight * loss(*(v[..., :dim] for v in vectors)) for dim, weight in zip(dims, weights))
    return total / sum(weights)


def contrastive(a: Tensor, b: Tensor, negatives: Tensor, owner: Tensor, same: Tensor, scale: float) -> Tensor:
    """
    Of all b and all negatives, b[i] belongs to a[i]; of all a, a[i] belongs to b[i].  a, b [B,H], negatives [M,H]
    `owner` [M] is the item a hard negative was made for: it counts double there (+ log 2). `same` [B,B] marks pairs that are no
    negatives of one another because their texts are the same; its diagonal is False.
    """
    a, b, negatives = (F.normalize(v.float(), dim=-1) for v in (a, b, negatives))
    labels = torch.arange(len(a), device=a.device)
    forward = (scale * a @ b.T).masked_fill(same, -torch.inf)
    backward = forward.T
    hard = scale * a @ negatives.T
    hard = hard + 0.6931471805599453 * (owner[None, :] == labels[:, None])
    return (F.cross_entropy(torch.cat([forward, hard], 1), labels) + F.cross_entropy(backward, labels)) / 2


def prototypes(v: Tensor, labels: Tensor, scale: float) -> Tensor:
    """
    Each vector is to be nearest to the mean of the others of its label: cross-entropy over scale x cosine to the mean of each label, a vector
    itself left out of its own (Snell et al. 2017). A label that occurs once is skipped.  v [B,H], labels [B]
    """
    v = F.normalize(v.float(), dim=-1)
    of = F.one_hot(labels).to(v.dtype)  # [B,labels]
    sums, counts = of.T @ v, of.sum(0)
    logits = scale * v @ F.normalize(sums, dim=-1).T
    own = F.normalize(sums[labels] - v, dim=-1)
    logits = logits.scatter(1, labels[:, None], scale * (v * own).sum(-1, keepdim=True))
    logits = logits.masked_fill(counts == 0, -torch.inf)
    kept = counts[labels] > 1
    return F.cross_entropy(logits[kept], labels[kept]) if kept.any() else v.sum() * 0


def cosines(a: Tensor, b: Tensor) -> Tensor:
    return F.cosine_similarity(a.float(), b.float(), dim=-1)


def cosent(cosine: Tensor, score: Tensor, scale: float) -> Tensor:
    """log(1 + sum over pairs of pairs with score[i] > score[j] of exp(scale (cosine[j] - cosine[i]))) (Su 2022)."""
    difference = scale * (cosine[None, :] - cosine[:, None])
    difference = difference.masked_fill(score[:, None] <= score[None, :], -torch.inf)
    return torch.logsumexp(F.pad(difference.flatten(), (1, 0)), 0)


def anchored(cosine: Tensor, score: Tensor) -> Tensor:
    """Mean of (cosine - score)^2. Ranking alone leaves the cosines between 0.8 and 1."""
    return F.mse_loss(cosine, score)


def ranking(a: Tensor, b: Tensor, score: Tensor, scale: float, anchor: float) -> Tensor:
    cosine = cosines(a, b)
    return cosent(cosine, score, scale) + anchor * anchored(cosine, score)


def negation(a: Tensor, b: Tensor, opposite: Tensor, margin: float, most: float) -> Tensor:
    """
    A paraphrase b is nearer to a than the opposite is, by a margin; and the opposite's cosine is at most `most`:
    mean of softplus(10 (margin - cos(a,b) + cos(a,opposite))) + 4 max(0, cos(a,opposite) - most)^2.
    """
    near, far = cosines(a, b), cosines(a, opposite)
    return (F.softplus((margin - near + far) * 10) + 4 * F.relu(far - most) ** 2).mean()


def similarities(v: Tensor) -> Tensor:
    """The cosine of each with each.  [B,H] -> [B,B]"""
    with torch.autocast(v.device.type, enabled=False):
        v = F.normalize(v.float(), dim=-1)
        return v @ v.T


def alike(v: Tensor, wanted: Tensor, scale: float) -> Tensor:
    """
    Distillation without a common space: each text's softmax over its similarities to the others of the batch is to be the wanted one (KL), and
    so are the cosines themselves (squared error).  v [B,H], wanted [B,B]
    """
    off = ~torch.eye(len(v), dtype=torch.bool, device=v.device)
    s, t = (m[off].view(len(m), -1) for m in (similarities(v), wanted))
    kl = F.kl_div(F.log_softmax(scale * s, -1), F.log_softmax(scale * t, -1), reduction="batchmean", log_target=True)
    return kl + 10 * F.mse_loss(s, t)
