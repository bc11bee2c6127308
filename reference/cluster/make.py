"""scikit-learn's answers that munjang-cli/cluster is compared with: apps/cli/test/golden/cluster.json.

    pip install scikit-learn==1.9.1 && python reference/cluster/make.py
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import silhouette_samples

OUT = pathlib.Path(__file__).parents[2] / "apps/cli/test/golden/cluster.json"
rng = np.random.default_rng(11)


def plain(array):
    return np.asarray(array).tolist()


# Five clouds that touch, four digits each, so that the file says exactly what was clustered.
centres = rng.normal(size=(5, 6))
x = np.concatenate([c + 0.55 * rng.normal(size=(n, 6)) for c, n in zip(centres, [20, 14, 9, 12, 5])]).round(4)
x = x[rng.permutation(len(x))]
unit = x / np.linalg.norm(x, axis=1, keepdims=True)

k_means = []
for K in (2, 4, 7):
    start = unit[rng.choice(len(x), K, replace=False)]
    found = KMeans(K, init=start, n_init=1, algorithm="lloyd", tol=0, max_iter=300).fit(unit)
    k_means.append({"start": plain(start), "clusters": plain(found.labels_), "inertia": found.inertia_})
best = [{"clusters": K, "inertia": KMeans(K, n_init=200, random_state=0).fit(unit).inertia_} for K in (2, 3, 5)]

agglomerative = []
for linkage in ("average", "complete", "single"):
    for threshold in (0.95, 0.8, 0.5, 0.2):
        found = AgglomerativeClustering(None, metric="cosine", linkage=linkage, distance_threshold=1 - threshold).fit(x)
        agglomerative.append({"linkage": linkage, "threshold": threshold, "clusters": plain(found.labels_)})
    for K in (1, 3, 6):
        found = AgglomerativeClustering(K, metric="cosine", linkage=linkage).fit(x)
        agglomerative.append({"linkage": linkage, "wanted": K, "clusters": plain(found.labels_)})

clusters = [k if k < 6 else 5 for k in agglomerative[2]["clusters"]]
silhouettes = {"clusters": clusters, "values": plain(silhouette_samples(x, clusters, metric="cosine"))}

versions = {"scikit-learn": sklearn.__version__, "numpy": np.__version__}
everything = {"made by": "reference/cluster/make.py", "versions": versions, "x": plain(x), "kMeans": k_means, "best": best, "agglomerative": agglomerative, "silhouettes": silhouettes}
OUT.write_text(json.dumps(everything) + "\n", encoding="utf-8")
