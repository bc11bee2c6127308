"""All the training data as one value: what is read, less what overlaps the evaluation sets, less the slices to choose by."""

import gzip
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from . import sets
from .files import written
from .overlap import Gate, held_out
from .profiles import Profile
from .splits import Scored, cut, group_numbers
from .text import key, random_of

STS_TRAIN = {"klue": "klue-sts/train.tsv", "kor": "korsts/sts-train.tsv"}


@dataclass(frozen=True)
class Corpus:
    texts: list[tuple[str, bool]]  # distinct; and whether a text goes on from the one before
    sts: dict[str, list[Scored]]
    slices: dict[str, list[Scored]]  # cut from train, to choose by
    nli: list[tuple[str, str, str]]
    groups: dict[str, list[list[str]]]  # paraphrases: parakqc, stylekqc
    pairs: dict[str, list[tuple[str, str]]]  # that mean the same: question, sae4k, title, tatoeba
    different: list[tuple[str, str]]  # questions that do not
    topics: list[tuple[str, int]]  # news titles, and which of seven topics each has
    news: list[str]  # titles, those among them
    composed: list[sets.Composed]


def read(data: sets.Folder, profile: Profile) -> tuple[Corpus, str]:
    """The corpus, the same for every seed, and the report of what was left out of it."""
    held = held_out(data, profile.titles_kept)
    gate = Gate(held)
    random = random_of("groups kept apart")  # the slices are the same for every seed, so that seeds can be compared
    all_groups = sets.parakqc(data)
    leaked = sets.parakqc_in_dev(data)
    usable = [g for g in range(len(all_groups)) if g not in leaked]
    apart = set(random.sample(usable, round(len(usable) * profile.slice_groups)))
    numbers = group_numbers(all_groups)

    sts, slices = {}, {}
    for name, file in STS_TRAIN.items():
        pairs = [row for row in sets.sts(data, file) if gate.opens(file, row[0], row[1])]
        sts[name], slices[name], dropped = cut(pairs, dict(profile.slice_sizes)[name], numbers, apart, 0)
        gate.read[f"{name}: slice"] = len(slices[name])
        gate.removed[f"{name}: slice", "dropped: shares sentences or groups with the slice"] = len(dropped)
    # From here on the slices are evaluation sets too. Sentences that were only dropped may be read as text.
    gate.add("slices", (text for rows in slices.values() for row in rows for text in row[:2]))
    gate.add("paraKQC groups kept apart", (text for number in apart for text in all_groups[number]))
    for name, rows in sts.items():
        sts[name] = [row for row in rows if gate.opens(f"{name}: beside the slices", row[0], row[1])]

    for reason, numbers_of in (("paraKQC groups in KLUE-STS dev", leaked), ("paraKQC groups kept apart", apart)):
        gate.read["parakqc"] += 10 * len(numbers_of)
        gate.removed["parakqc", reason] += 10 * len(numbers_of)

    nli = []
    for file in ("klue-nli/train.tsv", "kornli-xnli/xnli.dev.ko.tsv"):
        nli += [row for row in sets.nli(data, file) if gate.opens(file, row[0], row[1])]
    groups = {
        "parakqc": [g for n, g in enumerate(all_groups) if n not in leaked and n not in apart],
        "stylekqc": sets.stylekqc(data, "train"),
    }
    for name, members in groups.items():
        members = [[text for text in group if gate.opens(name, text)] for group in members]
        groups[name] = [group for group in members if len(group) > 1]
    questions = [row for row in sets.questions(data, "kor_pair_train.csv") if gate.opens("question-pair/train", row[0], row[1])]
    pairs = {"question": [(a, b) for a, b, same in questions if same]}
    for name, rows in (("sae4k", sets.sae4k(data)), ("title", sets.titles(data)), ("tatoeba", sets.tatoeba(data))):
        pairs[name] = [row for row in rows if key(row[0]) != key(row[1]) and gate.opens(name, *row)]
    different = [(a, b) for a, b, same in questions if not same]
    composed = [group for group in sets.composed(profile.composed) if gate.opens("composed", *group)]

    seen: set[str] = set()
    texts: list[tuple[str, bool]] = []

    def take(source: str, text: str, goes_on: bool = False) -> bool:
        """Whether it is taken: it is new, and in no evaluation set."""
        k = key(text)
        new = k not in seen and gate.opens(source, text)
        if new:
            seen.add(k)
            texts.append((text, goes_on))
        return new

    before = False  # was the line before taken? What follows one that was not goes on from nothing
    for source, text, goes_on in sets.raw_texts(data, profile.reviews, profile.documents):
        before = take(source, text, goes_on and before)
    topics = list({key(row[0]): row for row in sets.ynat(data) if gate.opens("YNAT titles", row[0])}.values())
    others = [text for text in sets.news_titles(data) if gate.opens("news titles", text)]
    news = list({key(text): text for text in [*(title for title, _ in topics), *others]}.values())
    for text in news:
        take("sets above, as text", text)
    for rows in (*sts.values(), nli, questions, *pairs.values()):
        for row in rows:
            take("sets above, as text", row[0])
            take("sets above, as text", row[1])
    for members in groups.values():
        for group in members:
            for text in group:
                take("sets above, as text", text)
    corpus = Corpus(texts, sts, slices, nli, groups, pairs, different, topics, news, composed)
    check(corpus, held)
    return corpus, gate.report()


def check(corpus: Corpus, held: dict[str, set[str]]) -> None:
    """Once more, by another way: nothing that is trained on has a key of an evaluation set or of a slice."""
    forbidden = set().union(*held.values()) | {key(t) for rows in corpus.slices.values() for row in rows for t in row[:2]}
    for text in trained_texts(corpus):
        if key(text) in forbidden:
            raise AssertionError(f"held out, and yet in the training data: {text}")


def trained_texts(corpus: Corpus):
    """Every text that some stage trains on, several times where several do."""
    yield from (text for text, _ in corpus.texts)
    yield from corpus.news
    for rows in (*corpus.sts.values(), corpus.nli, *corpus.pairs.values(), corpus.different):
        for row in rows:
            yield from row[:2]
    for members in corpus.groups.values():
        for group in members:
            yield from group
    for group in corpus.composed:
        yield from group


def save(corpus: Corpus, path: Path) -> None:
    text = json.dumps(asdict(corpus), ensure_ascii=False)
    with written(path) as to:
        to.write_bytes(gzip.compress(text.encode(), 1, mtime=0))


def load(path: Path) -> Corpus:
    value = json.loads(gzip.decompress(path.read_bytes()))
    tuples = lambda items: [tuple(item) for item in items]
    return Corpus(
        texts=tuples(value["texts"]),
        sts={name: tuples(items) for name, items in value["sts"].items()},
        slices={name: tuples(items) for name, items in value["slices"].items()},
        nli=tuples(value["nli"]),
        groups=value["groups"],
        pairs={name: tuples(items) for name, items in value["pairs"].items()},
        different=tuples(value["different"]),
        topics=tuples(value["topics"]),
        news=value["news"],
        composed=[sets.Composed(*group) for group in value["composed"]],
    )
