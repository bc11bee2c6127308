"""Readers of the data sets: files as they were collected to plain lists. What is in them, and their licences, is told in README.md."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .text import clean

Pair = tuple[str, str]


@dataclass(frozen=True)
class Folder:
    """The data folder: every file is asked for by its name, and one that is missing is named."""

    path: Path

    def lines(self, name: str) -> Iterator[str]:
        path = self.path / name
        if not path.exists():
            raise SystemExit(f"{path} is missing: --data (or MUNJANG_DATA) must name the folder of the data sets, see reference/train/README.md")
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline=None) as file:
            for line in file:
                yield line.rstrip("\n")

    def tsv(self, name: str, header: bool = True) -> Iterator[list[str]]:
        """Tab-separated, quoting off."""
        lines = self.lines(name)
        if header:
            next(lines)
        return (line.split("\t") for line in lines if line)

    def csv(self, name: str) -> Iterator[list[str]]:
        rows = csv.reader(self.lines(name))
        next(rows)
        return (row for row in rows if row)


def sts(data: Folder, name: str) -> list[tuple[str, str, float]]:
    """(sentence, sentence, score from 0 to 1)."""
    columns = {"klue-sts/train.tsv": (0, 1, 2), "klue-sts/dev.tsv": (2, 3, 5)}.get(name, (5, 6, 4))
    return [(clean(row[columns[0]]), clean(row[columns[1]]), float(row[columns[2]]) / 5) for row in data.tsv(name)]


def nli(data: Folder, name: str) -> list[tuple[str, str, str]]:
    """(premise, hypothesis, "entailment" | "neutral" | "contradiction")."""
    first = 0 if "xnli" in name else 2
    return [(clean(row[first]), clean(row[first + 1]), row[first + 2]) for row in data.tsv(name)]


def parakqc(data: Folder) -> list[list[str]]:
    """1,000 groups of 10 paraphrases, in the order of their numbers."""
    texts = [clean(row[2]) for row in data.tsv("parakqc/paraKQC_v1.txt", header=False)]
    return [texts[i : i + 10] for i in range(0, len(texts), 10)]


def parakqc_in_dev(data: Folder) -> set[int]:
    """The groups whose paraphrases stand in KLUE-STS dev."""
    return {int(line) for line in data.lines("parakqc/groups_in_klue_sts_dev.txt") if line}


def stylekqc(data: Folder, part: str) -> list[list[str]]:
    """Groups of 10 paraphrases: 5 formal, then 5 informal."""
    groups: dict[str, list[str]] = {}
    for group, _, _, text in data.tsv(f"stylekqc/{part}.tsv"):
        groups.setdefault(group, []).append(clean(text))
    return list(groups.values())


def questions(data: Folder, name: str) -> list[tuple[str, str, bool]]:
    """(question, question, same). In the file 0 is the same and 1 is different."""
    first = 3 if "train" in name else 1
    return [(clean(row[first]), clean(row[first + 1]), row[first + 2] == "0") for row in data.csv(f"question-pair/{name}")]


def sae4k(data: Folder) -> list[Pair]:
    """(utterance, what it asks for in short)."""
    return [(clean(row[0]), clean(row[1])) for row in data.tsv("sae4k/sae4k_v1.txt", header=False)]


def titles(data: Folder) -> list[Pair]:
    """(title, first words of the text): news and book reviews."""
    pairs = [(row[0], row[1]) for row in data.tsv("boddari/wikinews_title_body.tsv")]
    pairs += [(row[1], row[2]) for row in data.tsv("boddari/book_review_title_body.tsv")]
    return [(clean(title), clean(body)[:160]) for title, body in pairs]


def tatoeba(data: Folder) -> list[Pair]:
    return [(clean(row[0]), clean(row[1])) for row in data.tsv("tatoeba/ko-paraphrase-pairs.tsv")]


class Composed(NamedTuple):
    """Sentences that were made up for this project; composed/README.md says what each is to be."""

    text: str
    same: str
    detail: str
    topic: str
    opposite: str


def composed(most: int | None = None) -> list[Composed]:
    """The groups of all files in composed/, or every n-th of them."""
    files = sorted((Path(__file__).parent / "composed").glob("*.tsv"))
    groups = [Composed(*map(clean, line.split("\t"))) for file in files for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    return groups if most is None else groups[:: max(1, len(groups) // most)][:most]


def ynat(data: Folder) -> list[tuple[str, int]]:
    """(title, one of seven topics)."""
    return [(clean(row[1]), int(row[2])) for row in data.csv("klue-ynat/train_data.csv")]


def news_titles(data: Folder) -> list[str]:
    """Of other newspapers."""
    return [clean(line) for line in data.lines("kocohub/news_titles.txt")]


def ynat_unlabelled(data: Folder) -> list[str]:
    return [clean(row[1]) for row in data.csv("klue-ynat/test_data.csv")]


ORDERED = {  # documents whose lines follow one another
    "boddari": ["wikinews", "unesco_report", "fairytale01", "book_review01", "book_review02"],
    "techdocs-ko": ["ms-learn", "react", "vue", "rust-book", "hf-course", "cncf-glossary", "d2l", "pytorch-tutorials"],
    "nsmc": ["synopses"],
    "ud-korean": ["kaist", "gsd", "ksl", "pud"],
    "ntrex": ["newstest2019-ref.kor"],
}
LINES = {
    "korean-ambiguity": ["sentences"],
    "klue-text": ["dp_dev", "ner_dev"],
    "square": ["questions"],
    "xpersona-ko": ["valid", "test"],
    "kommongen": ["sentences"],
    "tatoeba": ["kor"],
}


# Columns of the sentences. Those of SentiNeg are elsewhere in every part; in test each stands beside what it was made of.
KOBEST = {"BoolQ": (1, 2), "COPA": (1, 3, 4), "HellaSwag": (0, 1, 2, 3, 4), "SentiNeg": {"train": (1,), "dev": (2,), "test": (2, 4)}}


def kobest(data: Folder, task: str, part: str) -> Iterator[str]:
    """The sentences of a part, answers to choose from among them."""
    columns = KOBEST[task]
    for row in data.tsv(f"kobest/{task}/{part}.tsv"):
        for column in columns[part] if isinstance(columns, dict) else columns:
            yield clean(row[column])


def raw_texts(data: Folder, reviews: int, documents: int) -> Iterator[tuple[str, str, bool]]:
    """(set, text, whether it goes on from the text before): everything that is read for its text alone."""
    for name, files in ORDERED.items():
        for file in files:
            for i, line in enumerate(data.lines(f"{name}/{file}.txt")):
                if name == "techdocs-ko" and i >= documents:
                    break
                yield name, clean(line), i > 0
    for i, line in enumerate(data.lines("techdocs-ko/dotnet-docs.txt.gz")):
        if i >= documents:
            break
        yield "techdocs-ko", clean(line), i > 0
    for name, files in LINES.items():
        for file in files:
            for line in data.lines(f"{name}/{file}.txt"):
                yield name, clean(line), False
    for part in ("jhe.dev", "jhe.eval", "park.dev", "park.test"):
        for row in data.tsv(f"park-news/{part}.ko-en.tsv", header=False):
            yield "park-news", clean(row[0]), False
    for row in data.tsv("3i4k/fci_train_val.txt", header=False):
        yield "3i4k", clean(row[1]), False
    for row in data.tsv("kote/val.tsv", header=False):
        yield "kote", clean(row[1]), False
    for row in data.csv("chatbot-data/ChatbotData.csv"):
        yield "chatbot-data", clean(row[0]), False
        yield "chatbot-data", clean(row[1]), False
    for task in KOBEST:
        for text in kobest(data, task, "train"):
            yield "kobest", text, False
    yield from some_reviews(data, reviews)


def some_reviews(data: Folder, most: int) -> Iterator[tuple[str, str, bool]]:
    """Reviews from all films alike: every n-th line. The file is ordered by film."""
    total = sum(1 for _ in data.tsv("nsmc/reviews.tsv.gz"))
    taken = 0
    for i, row in enumerate(data.tsv("nsmc/reviews.tsv.gz")):
        if taken < most and i * most >= taken * total:
            taken += 1
            yield "nsmc", clean(row[2]), False
