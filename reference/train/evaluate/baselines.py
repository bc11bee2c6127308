"""What a model has to beat: counted characters."""

from sklearn.feature_extraction.text import TfidfVectorizer

from ..corpus import Corpus
from .tasks import Vectors


def tfidf(read: Corpus, analyzer: str) -> Vectors:
    """TF-IDF of 1- to 3-grams of characters, whole string ("char") or inside words ("char_wb"), weights from STS and NLI train text."""
    texts = [t for rows in (*read.sts.values(), read.nli) for row in rows for t in row[:2]]
    weights = TfidfVectorizer(analyzer=analyzer, ngram_range=(1, 3), sublinear_tf=True).fit(texts)
    return weights.transform  # rows are unit vectors already
