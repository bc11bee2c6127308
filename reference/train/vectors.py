"""Word vectors to start from: co-occurrence counts, weighted (PPMI), factorised (SVD). It takes a minute and saves many."""

import numpy as np
from scipy import sparse

from .pack import Packed
from .text import seed_of
from .vocab import SPECIAL


def counts(packed: Packed, entries: int, window: int, seed: int) -> sparse.csr_matrix:
    """How often entry j stands within `window` tokens of entry i in one sequence. Frequent entries are left out of some places."""
    ids = packed.ids.astype(np.int64)
    sequence = np.repeat(np.arange(len(packed.starts) - 1), np.diff(packed.starts))
    share = np.bincount(ids, minlength=entries) / len(ids)
    keep = np.minimum(1, np.sqrt(1e-4 / np.maximum(share, 1e-12)))
    kept = (ids >= len(SPECIAL)) & (np.random.default_rng(seed_of(seed, "subsample")).random(len(ids)) < keep[ids])
    ids, sequence = ids[kept], sequence[kept]
    total = sparse.csr_matrix((entries, entries), dtype=np.float32)
    for distance in range(1, window + 1):
        a, b = ids[:-distance], ids[distance:]
        same = sequence[:-distance] == sequence[distance:]
        ones = np.full(int(same.sum()), 1 / distance, np.float32)
        total += sparse.coo_matrix((ones, (a[same], b[same])), (entries, entries)).tocsr()
    return (total + total.T).tocsr()


def ppmi(count: sparse.csr_matrix, exponent: float = 0.75) -> sparse.csr_matrix:
    """max(0, log p(i,j) / (p(i) p(j)^exponent))."""
    row = np.asarray(count.sum(1)).ravel()
    column = np.asarray(count.sum(0)).ravel() ** exponent
    column /= max(column.sum(), 1e-12)
    out = count.tocoo()
    out.data = np.maximum(0, np.log(out.data / np.maximum(row[out.row] * column[out.col], 1e-12))).astype(np.float32)
    out = out.tocsr()
    out.eliminate_zeros()
    return out


def start(packed: Packed, entries: int, size: int, window: int, seed: int, deviation: float = 0.04) -> np.ndarray:
    """[entries, size] float32, standard deviation 0.04. An entry without neighbours gets random numbers."""
    matrix = ppmi(counts(packed, entries, window, seed))
    random = np.random.default_rng(seed_of(seed, "svd"))
    k = min(size, entries - 2)
    # Randomised range finder, two power iterations (Halko et al. 2011).
    y = matrix @ random.standard_normal((entries, k + 16)).astype(np.float32)
    for _ in range(2):
        y, _ = np.linalg.qr(matrix @ (matrix.T @ np.linalg.qr(y)[0]))
    q, _ = np.linalg.qr(y)
    u, s, _ = np.linalg.svd((matrix.T @ q).T, full_matrices=False)
    vectors = (q @ u)[:, :k] * np.sqrt(s[:k])
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.sqrt(np.maximum(norms, 1e-6))  # rows by the root of their norm: rare entries are not tiny, frequent ones not huge
    out = random.standard_normal((entries, size)).astype(np.float32)
    used = norms[:, 0] > 1e-6
    if used.any():
        out[used, :k] = vectors[used] / max(vectors[used].std(), 1e-6)
    return (out * deviation).astype(np.float32)
