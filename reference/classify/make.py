"""scikit-learn's answers that munjang-cli/classify is compared with: apps/cli/test/golden/classify.json.

    pip install scikit-learn==1.9.1 && python reference/classify/make.py
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix

OUT = pathlib.Path(__file__).parents[2] / "apps/cli/test/golden/classify.json"
rng = np.random.default_rng(7)


def plain(array):
    return np.asarray(array).tolist()


def fits(x, y, settings):
    for C, weights in settings:
        model = LogisticRegression(C=C, class_weight=weights, tol=1e-10, max_iter=100_000).fit(x, y)
        yield {
            "C": C,
            "weighting": weights or "none",
            "coefficients": plain(model.coef_),
            "intercept": plain(model.intercept_),
            "probabilities": plain(model.predict_proba(x)),
        }


def points(counts, D, apart):
    """Gaussian clouds that overlap, four digits each so that the file says exactly what was fitted."""
    centres = rng.normal(size=(len(counts), D)) * apart
    x = np.concatenate([c + rng.normal(size=(n, D)) * np.linspace(0.2, 2, D) for c, n in zip(centres, counts)])
    return x.round(4), np.repeat(np.arange(len(counts)), counts)


sets = []
for name, counts, D in [("four classes, unequal", [30, 8, 15, 5], 6), ("two classes, unequal", [25, 9], 5), ("wider than long", [6, 4, 5], 24)]:
    x, y = points(counts, D, 0.7)
    settings = [(C, w) for C in (0.05, 1, 30) for w in ("balanced", None)]
    sets.append({"name": name, "x": plain(x), "y": plain(y), "fits": list(fits(x, y, settings))})

texts = [
    "버스가 늦게 왔다", "지하철이  붐빈다", "기차표를 샀다", "택시가 없다", "Bus 7번을 탔다",
    "국이 짜다", "밥이 맛있다", "김치를 담갔다", "Coffee를 마셨다", "빵을 구웠다",
    "비가 온다", "눈이 그쳤다", "바람이 세다", "날이 흐리다",
]
topics = [0] * 5 + [1] * 5 + [2] * 4
vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3))
rows = vectorizer.fit_transform(texts)
(fit,) = fits(rows, topics, [(5, "balanced")])
del fit["coefficients"]
characters = {
    "texts": texts,
    "y": topics,
    "runs": vectorizer.get_feature_names_out().tolist(),
    "idf": plain(vectorizer.idf_),
    "rows": [[[int(j), float(v)] for j, v in sorted(zip(row.indices, row.data))] for row in rows],
    "fit": fit,
}

labels = ["a", "b", "c", "d"]
actual = rng.choice(labels[:3], 40).tolist()
given = [a if rng.random() < 0.6 else str(rng.choice(["a", "b", "d"])) for a in actual]
report = classification_report(actual, given, labels=labels, output_dict=True, zero_division=0)
measures = {
    "labels": labels,
    "actual": actual,
    "given": given,
    "accuracy": accuracy_score(actual, given),
    "macroF1": report["macro avg"]["f1-score"],
    "classes": [{"label": k, "precision": report[k]["precision"], "recall": report[k]["recall"], "f1": report[k]["f1-score"], "examples": int(report[k]["support"])} for k in labels],
    "confusion": plain(confusion_matrix(actual, given, labels=labels)),
}

versions = {"scikit-learn": sklearn.__version__, "numpy": np.__version__}
everything = {"made by": "reference/classify/make.py", "versions": versions, "sets": sets, "characters": characters, "measures": measures}
OUT.parent.mkdir(exist_ok=True)
OUT.write_text(json.dumps(everything, ensure_ascii=False) + "\n", encoding="utf-8")
