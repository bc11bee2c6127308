"""Writes test/golden/search.json: what util.semantic_search, paraphrase_mining_embeddings and community_detection of sentence-transformers
answer on small rows of our own, in float64.

    python reference/search/search.py

Rows are multiples of 1/64, so that sums and products are exact in float64 and a score has no other error than a division's or a root's.
Where equal scores stand on both sides of a limit the choice is torch's: the test compares scores there, not rows.
"""

import json
import platform
from pathlib import Path

import numpy as np
import sentence_transformers
import torch
from sentence_transformers import util

OUT = Path(__file__).parents[2] / "test/golden/search.json"
FUNCTIONS = {"cosine": util.cos_sim, "dot": util.dot_score, "euclidean": util.euclidean_sim, "manhattan": util.manhattan_sim}


def grouped(random, rows: int, width: int, groups: int, twice: bool = True) -> np.ndarray:
    """Rows around a few centres, some of them twice, one of zeros."""
    centres = random.standard_normal((groups, width))
    x = centres[random.integers(0, groups, rows)] + 0.35 * random.standard_normal((rows, width))
    if twice:
        x[rows // 2] = x[3]
        x[rows // 2 + 1] = x[3]
        x[rows - 1] = 0
    return np.round(x * 64)


def tied(random, rows: int, width: int) -> np.ndarray:
    """Small whole numbers: many equal scores."""
    return random.integers(-2, 3, (rows, width)).astype(float) * 64


def search(queries, corpus, by: str, **options) -> list:
    hits = util.semantic_search(queries, corpus, score_function=FUNCTIONS[by], **options)
    return [[[hit["corpus_id"], hit["score"]] for hit in row] for row in hits]


def communities(rows, threshold: float, **options) -> list:
    scores = util.cos_sim(rows, rows).numpy()
    assert np.abs(scores - threshold).min() > 1e-6, "a cosine at the threshold"
    return [[int(i) for i in community] for community in util.community_detection(rows, threshold=threshold, **options)]


def main() -> None:
    random = np.random.default_rng(9)
    sets = {"grouped": grouped(random, 150, 8, 7), "tied": tied(random, 30, 3), "queries": grouped(random, 10, 8, 3)}
    sets["distinct"] = grouped(random, 90, 8, 5, twice=False)
    rows = {name: torch.tensor(x / 64, dtype=torch.float64) for name, x in sets.items()}
    searches, minings, found = [], [], []
    for by in FUNCTIONS:
        for options in ({}, {"top_k": 3, "query_chunk_size": 5, "corpus_chunk_size": 20}, {"top_k": 500}):
            if by != "cosine" and options.get("top_k") == 500:
                continue
            case = {"queries": "queries", "corpus": "grouped", "by": by, "options": options}
            searches.append({**case, "hits": search(rows["queries"], rows["grouped"], by, **options)})
        case = {"queries": "tied", "corpus": "tied", "by": by, "options": {"top_k": 30}}
        searches.append({**case, "hits": search(rows["tied"], rows["tied"], by, top_k=30)})
        for name, options, limit in (
            ("grouped", {"max_pairs": 150}, 150),
            ("distinct", {"top_k": 2}, None),
            ("distinct", {"top_k": 4, "query_chunk_size": 40, "corpus_chunk_size": 33, "max_pairs": 101}, 101),
            ("tied", {}, None),
            ("tied", {"max_pairs": 100}, 100),
        ):
            if "top_k" in options and by != "cosine":
                continue  # sums of multiples of 1/64 are often equal
            for row in FUNCTIONS[by](rows[name], rows[name]).numpy() if "top_k" in options else []:
                ordered = np.sort(row)[::-1]
                assert ordered[options["top_k"]] - ordered[options["top_k"] + 1] > 1e-9, "a tie at the limit"
            pairs = util.paraphrase_mining_embeddings(rows[name], score_function=FUNCTIONS[by], **options)
            assert limit is None or len(pairs) == limit
            minings.append({"rows": name, "by": by, "options": options, "pairs": [[s, i, j] for s, i, j in pairs]})
    for name, threshold, options in (
        ("grouped", 0.75, {}),
        ("grouped", 0.9, {"min_community_size": 2}),
        ("grouped", 0.9, {"min_community_size": 5, "batch_size": 7}),
        ("grouped", 0.3, {"min_community_size": 3, "batch_size": 64}),
        ("grouped", 0.999, {"min_community_size": 1}),
        ("grouped", 0.75, {"min_community_size": 151}),
        ("tied", 0.55, {"min_community_size": 3}),
        ("tied", 0.93, {"min_community_size": 1}),
        ("tied", -0.001, {"min_community_size": 4}),
    ):
        answer = communities(rows[name], threshold, **options)
        found.append({"rows": name, "threshold": threshold, "options": options, "communities": answer})
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "sentence-transformers": sentence_transformers.__version__,
    }
    golden = {
        "versions": versions,
        "unit": "rows are these numbers divided by 64",
        "rows": {name: x.astype(int).tolist() for name, x in sets.items()},
        "searches": searches,
        "minings": minings,
        "communities": found,
    }
    text = json.dumps(golden, separators=(",", ":"))
    OUT.write_text(text.replace('{"queries"', '\n{"queries"').replace('{"rows":"', '\n{"rows":"') + "\n")


main()
