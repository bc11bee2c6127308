"""Writes test/golden/evaluate.json: what the evaluators of sentence-transformers, and trec_eval through pytrec-eval-terrier, say of small vectors
of our own; and rows of scikit-learn's TfidfVectorizer.

    pip install -r reference/requirements.txt && python reference/evaluate/make.py
"""

import json
import platform
from pathlib import Path

import numpy as np
import pytrec_eval
import sentence_transformers
import sklearn
import torch
from importlib.metadata import version
from scipy.stats import rankdata
from sentence_transformers import util
from sentence_transformers.sentence_transformer.evaluation import (
    BinaryClassificationEvaluator,
    EmbeddingSimilarityEvaluator,
    InformationRetrievalEvaluator,
)
from sklearn.feature_extraction.text import TfidfVectorizer

OUT = Path(__file__).parents[2] / "test/golden/evaluate.json"
FUNCTIONS = ["cosine", "dot", "manhattan", "euclidean"]
SCORES = {"cosine": util.cos_sim, "dot": util.dot_score, "manhattan": util.manhattan_sim, "euclidean": util.euclidean_sim}
rng = np.random.default_rng(90)


class Model:
    """Vectors by name, where the evaluators ask a model to encode texts."""

    similarity_fn_name = "cosine"

    class model_card_data:
        """Nothing is kept of what is found."""

        @staticmethod
        def set_evaluation_metrics(*_):
            pass

    def __init__(self, vectors):
        self.vectors = vectors

    def encode(self, texts, convert_to_tensor=False, **_):
        rows = np.stack([self.vectors[text] for text in texts])
        return torch.tensor(rows) if convert_to_tensor else rows

    encode_query = encode_document = encode


def numbers(n, width, unit):
    """Multiples of 1/unit, as whole numbers."""
    return np.round(rng.standard_normal((n, width)) * unit).astype(int)


def pairs(n, width, unit, repeats):
    """Pairs of rows that are more or less alike, some of them several times; whole numbers."""
    a = numbers(n, width, unit)
    likeness = rng.uniform(0, 1, (n, 1))
    b = np.round(likeness * a + (1 - likeness) * numbers(n, width, unit)).astype(int)
    for to in range(repeats):
        a[n - 1 - to], b[n - 1 - to] = a[to % 3], b[to % 3]
    scores = np.round((likeness[:, 0] * 5 + rng.normal(0, 0.8, n)).clip(0, 5) * 2) / 2  # halves: many are equal
    return a, b, scores


def sts(n, width, unit, repeats):
    a, b, scores = pairs(n, width, unit, repeats)
    vectors = {f"a{i}": row for i, row in enumerate((a / unit).astype(np.float32))}
    vectors |= {f"b{i}": row for i, row in enumerate((b / unit).astype(np.float32))}
    # The library's own rounding puts cosines in order that are equal; no such case here but the same pair twice, which has the same bits.
    cosines = np.sort(util.pairwise_cos_sim((a / unit).astype(np.float32), (b / unit).astype(np.float32)).numpy())
    gaps = np.diff(cosines)
    assert ((gaps == 0) | (gaps > 2e-7)).all() and (gaps == 0).sum() >= repeats, sorted(gaps)[:20]
    names = [[f"{side}{i}" for i in range(n)] for side in "ab"]
    evaluate = EmbeddingSimilarityEvaluator(*names, scores.tolist(), similarity_fn_names=FUNCTIONS)
    labels = (scores + rng.normal(0, 1, n) > 2.5).astype(int)
    tell = BinaryClassificationEvaluator(*names, labels.tolist(), similarity_fn_names=FUNCTIONS)
    return {
        "unit": unit,
        "a": a.tolist(),
        "b": b.tolist(),
        "scores": scores.tolist(),
        "labels": labels.tolist(),
        "sts": {name: float(value) for name, value in evaluate(Model(vectors)).items()},
        "binary": {name: float(value) for name, value in tell(Model(vectors)).items()},
    }


def retrieval():
    unit = 8
    docs, queries = numbers(70, 6, unit), numbers(9, 6, unit)
    for to in range(60, 70):
        docs[to] = docs[to - 50]  # the same document twice: equal scores
    corpus_ids = [f"d{i}" for i in rng.permutation(70)]
    query_ids = [f"q{i}" for i in range(9)]
    grades = {}
    for q in query_ids[:-1]:
        near = np.argsort(-docs @ queries[int(q[1:])])[:10]  # so that what is near is often relevant
        picked = rng.permutation([*rng.choice(near, size=int(rng.integers(1, 7)), replace=False), *rng.choice(70, size=5)])
        grades[q] = {corpus_ids[i]: int(rng.integers(0, 4)) for i in picked}
        grades[q][corpus_ids[int(picked[0])]] = 2
    vectors = {name: row for name, row in zip(corpus_ids, (docs / unit).astype(np.float32))}
    vectors |= {name: row for name, row in zip(query_ids, (queries / unit).astype(np.float32))}
    relevant = {q: {d for d, grade in of.items() if grade > 0} for q, of in grades.items()}
    same = {name: name for name in vectors}
    ks = {"mrr_at_k": [1, 10, 70], "ndcg_at_k": [3, 10], "map_at_k": [5, 100], "precision_recall_at_k": [1, 3, 5, 10]}
    evaluate = InformationRetrievalEvaluator(
        {q: same[q] for q in query_ids}, {d: same[d] for d in corpus_ids}, relevant, score_functions=SCORES, **ks
    )
    binary = {name: float(value) for name, value in evaluate(Model(vectors)).items()}
    # trec_eval puts equal scores in another order than the evaluator, so it is given ranks: the evaluator's order.
    trec = {}
    for by, function in SCORES.items():
        table = function(torch.tensor((queries / unit)), torch.tensor((docs / unit))).numpy().round(9)
        run = {}
        for q, row in zip(query_ids, table):
            order = sorted(range(70), key=lambda i: (-row[i], corpus_ids[i]))
            run[q] = {corpus_ids[i]: float(100 - rank) for rank, i in enumerate(order)}
        measures = {"ndcg_cut.3,10", "recall.1,3,5,10", "P.1,3,5,10", "recip_rank", "map", "success.1,3,5,10"}
        answers = pytrec_eval.RelevanceEvaluator(grades, measures).evaluate(run)
        trec[by] = {name: float(np.mean([of[name] for of in answers.values()])) for name in next(iter(answers.values()))}
        assert len(answers) == 8
    return {
        "unit": unit,
        "queries": dict(zip(query_ids, queries.tolist())),
        "corpus": dict(zip(corpus_ids, docs.tolist())),
        "grades": grades,
        "binary": binary,
        "trec": trec,
    }


def tfidf():
    texts = ["잠이 옵니다", "졸음이  옵니다.", "기차가 옵니다", "The Train is coming", "the train, coming!", "", "가", "ÉTÉ 2026", "a\tb\nc"]
    asked = texts + ["기차가 안 와요", "trains", "𝄞 음표"]
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True).fit(texts)
    rows = vectorizer.transform(asked)
    names = vectorizer.get_feature_names_out()
    return {
        "texts": texts,
        "asked": asked,
        "rows": [{names[j]: rows[i, j] for j in rows[i].indices} for i in range(len(asked))],
        "cosines": (rows @ rows.T).toarray().tolist(),
    }


def correlations():
    """Ranks and correlations of short lists, ties and great numbers included."""
    lists = [([1, 2, 2, 3], [4, 4, 4, 1]), ([1e9, 1e9 + 1, 1e9 + 2], [1, 3, 2]), ([0, 0, 1, 1, 2], [5, 5, 5, 6, 6])]
    return [
        {
            "x": x,
            "y": y,
            "ranks": rankdata(x).tolist(),
            "pearson": float(np.corrcoef(x, y)[0, 1]),
            "spearman": float(np.corrcoef(rankdata(x), rankdata(y))[0, 1]),
        }
        for x, y in lists
    ]


golden = {
    "versions": {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "sentence-transformers": sentence_transformers.__version__,
        "pytrec-eval-terrier": version("pytrec-eval-terrier"),
    },
    "correlations": correlations(),
    "pairs": [sts(60, 6, 8, 12), sts(300, 16, 64, 3), sts(25, 4, 4, 10)],
    "retrieval": retrieval(),
    "tfidf": tfidf(),
}
OUT.write_text(json.dumps(golden, separators=(",", ":"), ensure_ascii=False) + "\n")
