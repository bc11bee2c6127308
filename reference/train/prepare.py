"""The stages before training: data, vocabulary, sequences, word vectors, negations. Each is done in minutes, and then on disk."""

import gzip
from functools import lru_cache
from pathlib import Path

import numpy as np

from . import corpus, negate, pack, sets, vectors, vocab
from .files import read_json, write_json, written
from .overlap import held_out
from .run import Run
from .text import key, random_of


def data(run: Run) -> None:
    def work(folder: Path) -> dict:
        folder_of_sets = sets.Folder(run.data)
        read, report = corpus.read(folder_of_sets, run.profile)
        corpus.save(read, folder / "corpus.json.gz")
        held = set().union(*held_out(folder_of_sets, run.profile.titles_kept).values())
        held |= {key(text) for rows in read.slices.values() for row in rows for text in row[:2]}
        with written(folder / "held.txt.gz") as to:
            to.write_bytes(gzip.compress("\n".join(sorted(held)).encode(), 1, mtime=0))
        with written(run.out / "overlap.md") as to:
            to.write_text(report, encoding="utf-8")
        print(report, flush=True)
        sizes = {name: len(rows) for name, rows in (*read.sts.items(), *read.pairs.items(), *read.groups.items())}
        slices = {f"{name} slice": len(rows) for name, rows in read.slices.items()}
        return {"texts": len(read.texts), "characters": sum(len(t) for t, _ in read.texts), "nli": len(read.nli), **sizes, **slices}

    run.stage("data", work)


load_corpus = lru_cache(maxsize=1)(corpus.load)
load_json = lru_cache(maxsize=1)(read_json)


def load(run: Run) -> corpus.Corpus:
    return load_corpus(run.folder("data") / "corpus.json.gz")


def vocabulary(run: Run) -> None:
    def work(folder: Path) -> dict:
        texts = (text for text, _ in load(run).texts)
        entries = vocab.train(texts, run.profile.vocabulary, run.profile.alphabet)
        vocab.save(entries, folder / "vocab.txt")
        return {"entries": len(entries)}

    run.stage("vocab", work)


def sequences(run: Run) -> None:
    def work(folder: Path) -> dict:
        texts = load(run).texts
        tokenizer = run.tokenizer()
        ids: list[np.ndarray] = []
        for i in range(0, len(texts), 20_000):
            ids += [row[1:-1] for row in vocab.ids_of(tokenizer, [text for text, _ in texts[i : i + 20_000]], 1_000)]
        packed = pack.pack(ids, [on for _, on in texts], run.profile.shape.positions)
        with written(folder / "packed.npz") as to:
            with open(to, "wb") as file:
                np.savez(file, ids=packed.ids.astype(np.uint16 if run.entries() < 65_536 else np.int32), starts=packed.starts)
        unknown = float((packed.ids == vocab.UNK).mean())
        return {"sequences": len(packed.starts) - 1, "tokens": len(packed.ids), "unknown": round(unknown, 6)}

    run.stage("sequences", work)


def load_sequences(run: Run) -> pack.Packed:
    file = np.load(run.folder("sequences") / "packed.npz")
    return pack.Packed(file["ids"].astype(np.int32), file["starts"])


def word_vectors(run: Run) -> None:
    def work(folder: Path) -> None:
        packed = load_sequences(run)
        start = vectors.start(packed, run.entries(), run.profile.shape.hidden, run.profile.window, run.seed)
        with written(folder / "start.npy") as to:
            with open(to, "wb") as file:
                np.save(file, start.astype(np.float16))

    run.stage("vectors", work)


def load_vectors(run: Run, size: int) -> np.ndarray:
    return np.load(run.folder("vectors") / "start.npy")[:, :size].astype(np.float32)


def negations(run: Run) -> None:
    """
    Sentences with something that means the same and something that means the opposite:
    {"paraphrase": [[text, paraphrase, [opposites]], ...], "form": ..., "copy": [[text, null, [opposites]], ...]}.
    form: 안 가요 and 가지 않아요 mean the same, 가요 the opposite. copy: what means the same is a noisy copy, made when it is drawn.
    Of short sentences: a long one says several things, and with one of them negated it is to stay near. Those are in near.json:
    [[text, [opposites]], ...].
    """
    longest, long = run.profile.negation_longest, run.profile.negation_long

    def work(folder: Path) -> dict:
        read = load(run)
        held = set(gzip.decompress((run.folder("data") / "held.txt.gz").read_bytes()).decode().split("\n"))
        opposites = lambda text: [o for o in negate.opposites(text) if key(o) not in held]
        out: dict[str, list] = {"paraphrase": [], "form": [], "copy": []}
        near: list[list] = []
        for a, b in paraphrases(read):
            found = opposites(a) + opposites(b) if max(len(a), len(b)) <= longest else []
            if found:
                out["paraphrase"].append([a, b, found])
        for text, _ in read.texts:
            short = 6 <= len(text) <= longest
            found = opposites(text) if short or long[0] <= len(text) <= long[1] else []
            if found and not short:
                near.append([text, found])
            elif found:
                out["copy"].append([text, None, found])
                if len(found) == 2 and not negate.is_negated(text):
                    out["form"].append([found[0], found[1], [text]])
        write_json(folder / "negations.json", out)
        write_json(folder / "near.json", near)
        return {**{kind: len(items) for kind, items in out.items()}, "near": len(near)}

    run.stage("negations", work)


def load_negations(run: Run) -> dict[str, list]:
    return load_json(run.folder("negations") / "negations.json")


@lru_cache(maxsize=1)
def ids_of(run: Run) -> vocab.IdsOf:
    """Texts as ids; those of the labelled sets are known before batches are made in other processes, which do not learn from one another."""
    ids = vocab.remembering(run.tokenizer(), run.profile.longest)
    if run.profile.workers:
        read = load(run)
        ids([t for rows in (*read.sts.values(), read.nli, read.different, *read.pairs.values()) for row in rows for t in row[:2]])
        ids([t for groups in read.groups.values() for group in groups for t in group])
        ids([t for group in read.composed for t in group])
        ids([t for a, b, opposites in load_negations(run)["paraphrase"] for t in (a, b, *opposites)])
    return ids


def paraphrases(read: corpus.Corpus) -> list[tuple[str, str]]:
    """Pairs that mean the same, out of every labelled set that has some; the same ones for every seed."""
    random = random_of("paraphrases")
    pairs = [(a, b) for rows in read.sts.values() for a, b, score in rows if score >= 0.8]
    pairs += [(a, b) for a, b, relation in read.nli if relation == "entailment"]
    pairs += read.pairs["question"] + read.pairs["tatoeba"]
    for members in read.groups.values():
        for group in members:
            pairs += [tuple(random.sample(group, 2)) for _ in range(len(group))]
    return [(a, b) for a, b in pairs if key(a) != key(b)] + [(b, a) for a, b in pairs if key(a) != key(b)]
