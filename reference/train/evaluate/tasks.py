"""
The tasks. Each takes `vectors`: a function from texts to unit rows [N,D], dense or sparse; so that a model, TF-IDF and anything else are asked
the same questions. All figures are times 100.
"""

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.stats import pearsonr, spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from .. import noise, sets
from ..overlap import split_titles, triples
from ..text import key, random_of

Vectors = Callable[[list[str]], "np.ndarray | sparse.csr_matrix"]


def percent(x: float) -> float:
    return round(100 * float(x), 2)


def pairwise(a, b) -> np.ndarray:
    """Cosine of row i with row i."""
    if sparse.issparse(a):
        return np.asarray(a.multiply(b).sum(1)).ravel()
    return (a * b).sum(1)


def table(a, b) -> np.ndarray:
    """Cosines of all rows with all rows."""
    product = a @ b.T
    return product.toarray() if sparse.issparse(product) else product


def correlation(vectors: Vectors, rows: list[tuple[str, str, float]]) -> dict:
    cosine = pairwise(vectors([row[0] for row in rows]), vectors([row[1] for row in rows]))
    scores = [row[2] for row in rows]
    return {"spearman": percent(spearmanr(cosine, scores)[0]), "pearson": percent(pearsonr(cosine, scores)[0]), **spread(cosine)}


def spread(cosine: np.ndarray) -> dict:
    low, high = np.percentile(cosine, [5, 95])
    return {"mean cosine": percent(cosine.mean()), "deviation": percent(cosine.std()), "5 %": percent(low), "95 %": percent(high)}


def paraphrase(vectors: Vectors, rows: list[tuple[str, str, bool]]) -> float:
    """Question pairs ordered by cosine: average precision of those that mean the same."""
    cosine = pairwise(vectors([row[0] for row in rows]), vectors([row[1] for row in rows]))
    return percent(average_precision_score([row[2] for row in rows], cosine))


def retrieval(vectors: Vectors, queries: list[str], wanted: list[set[int]], corpus: list[str]) -> dict:
    """Each query against the corpus, itself left out: share of first hits that are wanted, and mean reciprocal rank within ten."""
    scores = table(vectors(queries), vectors(corpus))
    keys = [key(text) for text in corpus]
    first, rank = 0, 0.0
    most = min(40, len(corpus))
    for i, query in enumerate(queries):
        k = key(query)
        near = np.argpartition(-scores[i], most - 1)[:most]
        order = [j for j in near[np.lexsort((near, -scores[i, near]))] if keys[j] != k][:10]
        hits = [n for n, j in enumerate(order) if j in wanted[i]]
        first += bool(hits) and hits[0] == 0
        rank += 1 / (hits[0] + 1) if hits else 0
    return {"first": percent(first / len(queries)), "mrr": percent(rank / len(queries))}


def question_retrieval(vectors: Vectors, rows: list[tuple[str, str, bool]]) -> dict:
    """Questions that have a partner, searched among all questions of the set."""
    corpus = list({key(t): t for row in rows for t in row[:2]}.values())
    place = {key(text): i for i, text in enumerate(corpus)}
    partners: dict[str, set[int]] = {}
    for a, b, same in rows:
        if same and key(a) != key(b):
            partners.setdefault(key(a), set()).add(place[key(b)])
            partners.setdefault(key(b), set()).add(place[key(a)])
    return retrieval(vectors, [corpus[place[k]] for k in partners], list(partners.values()), corpus)


def styles(vectors: Vectors, groups: list[list[str]]) -> dict:
    """A formal sentence searches the informal ones of all groups for one of its own group."""
    corpus = [text for group in groups for text in group[5:]]
    queries = [text for group in groups for text in group[:5]]
    sizes = [len(group[5:]) for group in groups]
    starts = np.cumsum([0, *sizes])
    wanted = [set(range(starts[n], starts[n + 1])) for n, group in enumerate(groups) for _ in group[:5]]
    return retrieval(vectors, queries, wanted, corpus)


def spacing(vectors: Vectors, rows: list[tuple[str, str, float]]) -> dict:
    """The correlation when the second sentence has no spaces, or wrong ones; and the cosine of a sentence with itself without spaces."""
    scores = [row[2] for row in rows]
    first = vectors([row[0] for row in rows])
    second = [row[1] for row in rows]
    random = random_of("spacing errors")
    out = {}
    for name, broken in (("no spaces", [noise.no_spaces(t) for t in second]), ("wrong spaces", [noise.spacing(t, random) for t in second])):
        v = vectors(broken)
        out[name] = percent(spearmanr(pairwise(first, v), scores)[0])
        out[f"{name}, itself"] = percent(pairwise(vectors(second), v).mean())
    return out


def negation(vectors: Vectors, rows: list[tuple[str, str, str]]) -> dict:
    """Share of triples whose paraphrase is nearer than the negation."""
    a, opposite, same = (vectors([row[i] for row in rows]) for i in range(3))
    far, near = pairwise(a, opposite), pairwise(a, same)
    return {"right": percent((near > far).mean()), "opposite": percent(far.mean()), "paraphrase": percent(near.mean())}


def topics(vectors: Vectors, train: list[tuple[str, int]], test: list[tuple[str, int]], strength: float) -> float:
    """A linear probe on titles: accuracy."""
    x, y = vectors([text for text, _ in train]), vectors([text for text, _ in test])
    if not sparse.issparse(x):
        mean, deviation = x.mean(0), x.std(0) + 1e-9
        x, y = (x - mean) / deviation, (y - mean) / deviation
    probe = LogisticRegression(C=strength, max_iter=1_000).fit(x, [label for _, label in train])
    return percent(probe.score(y, [label for _, label in test]))


def questions(data: sets.Folder, profile) -> dict:
    """What is asked, read once for all models: `dev` sets are read here and nowhere else."""
    fit, test = split_titles(data, profile.titles_kept)
    return {
        "klue": sets.sts(data, "klue-sts/dev.tsv"),
        "kor": sets.sts(data, "korsts/sts-dev.tsv"),
        "questions": sets.questions(data, "kor_Pair_test.csv"),
        "styles": [group for group in sets.stylekqc(data, "dev") if len(group) == 10],
        "topics": (fit, test),
        "negation": triples(),
    }


def ask(vectors: Vectors, what: dict, probe: float | None) -> dict:
    """Every task; the topic probe, which takes half a minute, where it has a strength."""
    out = {
        "KLUE-STS dev": correlation(vectors, what["klue"]),
        "KorSTS dev": correlation(vectors, what["kor"]),
        "paraphrase": paraphrase(vectors, what["questions"]),
        "retrieval": question_retrieval(vectors, what["questions"]),
        "styles": styles(vectors, what["styles"]),
        "spacing": spacing(vectors, what["klue"]),
        "negation": negation(vectors, what["negation"]),
    }
    if probe is not None:
        out["YNAT probe"] = topics(vectors, *what["topics"], probe)
    return out
