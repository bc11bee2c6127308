"""What must not be trained on, and the account of what was taken out because of it."""

from collections import Counter
from pathlib import Path

from . import sets
from .text import key

HERE = Path(__file__).parent


def triples() -> list[tuple[str, str, str]]:
    """Our own negation set: (sentence, its negation, a paraphrase that keeps the meaning)."""
    rows = (HERE / "negation.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [tuple(row.split("\t")) for row in rows]


def split_titles(data: sets.Folder, kept: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """YNAT titles (to fit the probe on, to test it on): every n-th is kept back, and none of the others is the same as one of those."""
    titles = sets.ynat(data)
    every = max(2, len(titles) // kept)
    test = titles[::every][:kept]
    held = {key(text) for text, _ in test}
    return [row for row in titles if key(row[0]) not in held], test


def held_out(data: sets.Folder, titles_kept: int) -> dict[str, set[str]]:
    """Keys of every evaluation set's sentences, by the name of the set."""

    def texts(rows) -> set[str]:
        return {key(text) for row in rows for text in row[:2]}

    held = {
        "KLUE-STS dev": texts(sets.sts(data, "klue-sts/dev.tsv")),
        "KorSTS dev": texts(sets.sts(data, "korsts/sts-dev.tsv")),
        "KLUE-NLI dev": texts(sets.nli(data, "klue-nli/dev.tsv")),
        "StyleKQC dev": {key(text) for group in sets.stylekqc(data, "dev") for text in group},
        "question-pair test": texts(sets.questions(data, "kor_Pair_test.csv")),
        "YNAT probe": {key(text) for text, _ in split_titles(data, titles_kept)[1]},
        "YNAT unlabelled": {key(text) for text in sets.ynat_unlabelled(data)},
        "3i4K test": {key(row[1]) for row in data.tsv("3i4k/fci_test.txt", header=False)},
        "KOTE test": {key(row[1]) for row in data.tsv("kote/test.tsv", header=False)},
        "negation (our own)": {key(text) for triple in triples() for text in triple},
    }
    held["KoBEST dev and test"] = {key(text) for task in sets.KOBEST for part in ("dev", "test") for text in sets.kobest(data, task, part)}
    groups = sets.parakqc(data)
    held["paraKQC groups in KLUE-STS dev"] = {key(text) for number in sets.parakqc_in_dev(data) for text in groups[number]}
    for keys in held.values():
        keys.discard("")
    return held


class Gate:
    """Lets through what is in no evaluation set, and keeps count of what it turned away."""

    def __init__(self, held: dict[str, set[str]]):
        self.owner: dict[str, str] = {}
        for name, keys in held.items():
            for text in keys:
                self.owner.setdefault(text, name)
        self.removed: Counter[tuple[str, str]] = Counter()
        self.examples: dict[tuple[str, str], str] = {}
        self.read: Counter[str] = Counter()

    def opens(self, source: str, *texts: str) -> bool:
        """Whether none of the texts is held out. An empty text does not pass either."""
        self.read[source] += 1
        for text in texts:
            k = key(text)
            reason = "no letters" if not k else self.owner.get(k)
            if reason is not None:
                self.removed[source, reason] += 1
                self.examples.setdefault((source, reason), text)
                return False
        return True

    def add(self, name: str, texts) -> None:
        """Holds out more, from here on."""
        for text in texts:
            self.owner.setdefault(key(text), name)

    def report(self) -> str:
        lines = ["| read from | items | taken out | because of | for example |", "|---|---|---|---|---|"]
        for source in self.read:
            hits = [(reason, n) for (from_, reason), n in sorted(self.removed.items()) if from_ == source]
            for i, (reason, n) in enumerate(hits or [("-", 0)]):
                example = self.examples.get((source, reason), "-").replace("|", "/")[:60]
                lines.append(f"| {source if i == 0 else ''} | {self.read[source] if i == 0 else ''} | {n} | {reason} | {example} |")
        return "\n".join(lines) + "\n"
