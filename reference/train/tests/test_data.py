"""What is read, what is left out of it, and that both are always the same."""

import os
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from unittest import mock

from reference.train import corpus, noise, overlap, pack, sample, sets, splits, vectors, vocab
from reference.train.profiles import TINY
from reference.train.tests import sample_data
from reference.train.text import clean, key, random_of, seed_of

import numpy as np


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        sample_data.write(Path(cls.temporary.name))
        cls.data = sets.Folder(Path(cls.temporary.name))
        cls.corpus, cls.report = corpus.read(cls.data, TINY)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()


class Text(unittest.TestCase):
    def test_one_key_for_one_text(self):
        self.assertEqual(key("오늘 날씨, 어때?"), key("오늘날씨어때"))
        self.assertEqual(key("Hello, World"), key("HELLO\tworld!"))
        self.assertEqual(key("\u1112\u1161\u11ab"), key("한"))  # NFD
        self.assertNotEqual(key("간다"), key("안 간다"))
        self.assertEqual(key("...!?"), "")

    def test_clean(self):
        self.assertEqual(clean("\ufeff 가\u0000나\t\t다 \n"), "가 나 다")

    def test_seeds_do_not_depend_on_the_process(self):
        self.assertEqual(seed_of(1, "contrast", 7), 252865460965492754)
        self.assertEqual([random_of(3, "x").random() for _ in range(3)], [random_of(3, "x").random()] * 3)
        self.assertNotEqual(seed_of(1, "a", 1), seed_of(1, "a", 2))


class Overlap(Folder):
    def test_a_dev_sentence_without_spaces_is_removed(self):
        dev = sets.sts(self.data, "klue-sts/dev.tsv")[0][0]
        train = [key(t) for row in sets.sts(self.data, "klue-sts/train.tsv") for t in row[:2]]
        self.assertIn(key(dev), train)
        self.assertNotIn(key(dev), {key(t) for t in corpus.trained_texts(self.corpus)})
        self.assertRegex(self.report, r"klue-sts/train.tsv \| \d+ \| 3 \| KLUE-STS dev")

    def test_listed_groups_are_removed_everywhere(self):
        listed = {key(t) for g in sets.parakqc_in_dev(self.data) for t in sets.parakqc(self.data)[g]}
        self.assertEqual(len(listed), 20)
        self.assertFalse(listed & {key(t) for t in corpus.trained_texts(self.corpus)})
        self.assertIn("paraKQC groups in KLUE-STS dev", self.report)

    def test_no_text_of_any_evaluation_set_is_trained_on(self):
        held = overlap.held_out(self.data, TINY.titles_kept)
        self.assertEqual(len(held), 12)
        trained = {key(t) for t in corpus.trained_texts(self.corpus)}
        for name, keys in held.items():
            self.assertTrue(keys, name)
            self.assertFalse(keys & trained, name)

    def test_every_column_of_kobest_that_has_sentences_is_held_out(self):
        """By the names in the first line, which the readers do not look at."""
        trained = {key(t) for t in corpus.trained_texts(self.corpus)}
        found = 0
        for task in ("BoolQ", "COPA", "HellaSwag", "SentiNeg"):
            for part in ("train", "dev", "test"):
                names, *rows = self.data.tsv(f"kobest/{task}/{part}.tsv", header=False)
                for row in rows[:4]:
                    for name, text in zip(names, row):
                        if name in sample_data.KOBEST_TEXTS:
                            found += 1
                            self.assertEqual(key(text) in trained, part == "train", f"{task} {part} {name}")
        self.assertEqual(found, 4 * (3 * (2 + 3 + 5) + 1 + 1 + 2))

    def test_a_composed_group_with_a_held_sentence_is_left_out(self):
        dev = sets.sts(self.data, "klue-sts/dev.tsv")[0][0]
        groups = [sets.Composed("가 나", "다 라", "마 바", dev.replace(" ", ""), "사 아"), sets.Composed("자 차", "카 타", "파 하", "거 너", "더 러")]
        with mock.patch("reference.train.sets.composed", lambda most: groups):
            read, report = corpus.read(self.data, TINY)
        self.assertEqual(read.composed, groups[1:])
        self.assertIn("| composed | 2 | 1 | KLUE-STS dev |", report)
        self.assertLess(set(groups[1]), set(corpus.trained_texts(read)))

    def test_the_second_check_fails_where_something_slipped_through(self):
        held = overlap.held_out(self.data, TINY.titles_kept)
        dev = sets.sts(self.data, "korsts/sts-dev.tsv")[0][0]
        with self.assertRaisesRegex(AssertionError, "held out"):
            corpus.check(replace(self.corpus, texts=[*self.corpus.texts, (dev.replace(" ", ""), False)]), held)

    def test_the_corpus_is_the_same_every_time_and_survives_its_file(self):
        again, _ = corpus.read(self.data, TINY)
        self.assertEqual(again, self.corpus)
        with tempfile.TemporaryDirectory() as folder:
            corpus.save(again, Path(folder) / "a.gz")
            corpus.save(again, Path(folder) / "b.gz")
            self.assertEqual((Path(folder) / "a.gz").read_bytes(), (Path(folder) / "b.gz").read_bytes())
            self.assertEqual(corpus.load(Path(folder) / "a.gz"), self.corpus)

    def test_a_line_goes_on_from_the_one_before_it_in_its_file_or_from_none(self):
        lines = [f"가장 {n}번째 줄입니다" for n in range(6)]
        written = [("a", lines[0], False), ("a", lines[1], True), ("a", lines[0], True), ("a", lines[2], True), ("a", lines[3], True), ("b", lines[3], False), ("b", lines[4], True)]
        with mock.patch("reference.train.sets.raw_texts", lambda *_: iter(written)):
            read, _ = corpus.read(self.data, TINY)
        goes_on = dict(read.texts)
        # Between 1 and 2 a line is missing that was there before, as is the first line of the second file.
        self.assertEqual([goes_on[text] for text in lines[:5]], [False, True, False, True, False])

    def test_a_missing_file_is_named(self):
        with self.assertRaisesRegex(SystemExit, "nothing.tsv is missing"):
            list(self.data.tsv("nothing.tsv"))

    def test_labels_of_question_pairs_are_turned(self):
        rows = sets.questions(self.data, "kor_pair_train.csv")
        self.assertEqual([same for _, _, same in rows[:4]], [True, False, True, False])


class Slices(Folder):
    def test_balanced_and_apart(self):
        pairs = [(f"가{i}", f"나{i}", (i % 50) / 49) for i in range(200)]
        train, kept, dropped = splits.cut(pairs, 50, {}, set(), 0)
        self.assertEqual([sum(splits.bin_of(s) == b for _, _, s in kept) for b in range(5)], [10] * 5)
        self.assertEqual(len(train) + len(kept) + len(dropped), 200)
        self.assertEqual(sorted(train + kept + dropped), sorted(pairs))
        self.assertEqual(splits.cut(pairs, 50, {}, set(), 0)[1], kept)
        self.assertNotEqual(splits.cut(pairs, 50, {}, set(), 1)[1], kept)

    def test_pairs_that_share_a_sentence_stay_together(self):
        pairs = [(f"가{i // 2}", f"나{i}", (i % 50) / 49) for i in range(200)]
        train, kept, _ = splits.cut(pairs, 50, {}, set(), 0)
        sentences = lambda rows: {key(t) for row in rows for t in row[:2]}
        self.assertTrue(kept)
        self.assertFalse(sentences(train) & sentences(kept))

    def test_groups_stay_apart(self):
        groups = {key(f"g{g} {i}"): g for g in range(10) for i in range(4)}
        pairs = [(f"g{g} 0", f"g{h} {i}", 0.9 if g == h else 0.1) for g in range(10) for h in range(10) for i in (1, 2)]
        train, kept, dropped = splits.cut(pairs, 10, groups, {0, 1, 2}, 0)
        of = lambda rows: {groups[key(t)] for row in rows for t in row[:2]}
        self.assertEqual(of(train), set(range(3, 10)))
        self.assertEqual(of(kept), {0, 1, 2})
        self.assertEqual(len(train) + len(kept) + len(dropped), len(pairs))

    def test_in_the_corpus(self):
        for name, rows in self.corpus.slices.items():
            self.assertTrue(rows, name)
            mine = {key(t) for row in rows for t in row[:2]}
            self.assertFalse(mine & {key(t) for t in corpus.trained_texts(self.corpus)}, name)


class Samplers(Folder):
    def test_a_batch_belongs_to_its_seed(self):
        available = sample.sources(self.corpus, {"copy": [["가요 나", None, ["안 가요 나"]]] * 3})
        mix = {name: 1 for name in available}
        first = [sample.batch_of(available, mix, 8, 1, "contrast", step) for step in range(20)]
        self.assertEqual(first, [sample.batch_of(available, mix, 8, 1, "contrast", step) for step in range(20)])
        self.assertNotEqual(first, [sample.batch_of(available, mix, 8, 2, "contrast", step) for step in range(20)])

    def test_no_text_twice_in_a_batch(self):
        available = sample.sources(self.corpus, {})
        for name in available:
            batch = sample.batch_of(available, {name: 1}, 16, 1, name)
            texts = [key(t) for a, b, _ in batch for t in {key(a), key(b)}]
            self.assertEqual(len(texts), len(set(texts)), name)
            self.assertFalse(sample.same_texts(batch).any())

    def test_same_texts(self):
        same = sample.same_texts([("a", "b", []), ("c", "B!", []), ("d", "a", [])])
        self.assertEqual(same.tolist(), [[False, True, True], [True, False, False], [False, False, False]])

    def test_left_out_sources_are_missing(self):
        self.assertIn("nli", sample.sources(self.corpus, {}))
        self.assertNotIn("nli", sample.sources(self.corpus, {}, ("nli",)))
        self.assertNotIn("negation", sample.sources(self.corpus, {"copy": [["가", None, ["나"]]]}, ("negation",)))

    def test_a_crop_has_words_of_the_text_in_their_order(self):
        words = [f"낱말{n}" for n in range(9)]
        crops = {noise.cropped(" ".join(words), random_of(n)) for n in range(50)}
        self.assertGreater(len(crops), 30)
        for crop in crops:
            kept = crop.split(" ")
            self.assertGreater(len(kept), 1)
            self.assertEqual(kept, sorted(set(kept) & set(words)))

    def test_neighbours_in_a_document(self):
        count, item = sample.sources(self.corpus, {})["document"]
        following = {(a, b) for (a, _), (b, on) in zip(self.corpus.texts, self.corpus.texts[1:]) if on}
        self.assertGreater(count, 0)
        for n in range(count):
            a, b, negatives = item(n, random_of(n))
            self.assertIn((a, b), following)
            self.assertEqual(negatives, [])

    def test_a_shared_word_becomes_another_in_both(self):
        a, b = "한 남자가 기타를 친다", "무대에서 남자는 기타만 안 친다"
        found = {noise.renamed(a, b, ["물결", "고양"], random_of(i)) for i in range(40)}
        expected = {(a.replace(old, new), b.replace(old, new)) for old in ("남자", "기타") for new in ("물결", "고양")}
        self.assertEqual(found, expected)
        nothing, negated, verbs = ("하나 둘", "셋 넷"), ("없어서 좋다", "없어서 나쁘다"), (("마신다고 한다", "나는 마신다"), ("있습니다만 덥다", "있습니까 봐라"))
        for apart in (nothing, negated, *verbs, *(pair[::-1] for pair in verbs)):
            self.assertEqual(noise.renamed(*apart, ["물결"], random_of(0)), apart)
        stems = noise.stems_of(["나는 도서관에서 책을 없애고 읽었다"], 30, random_of(0))
        self.assertEqual(set(stems), {"도서", "도서관", "읽었", "읽었다"})
        self.assertEqual(noise.stems_of(["아 예", "없다가 말고"], 30, random_of(0)), [])  # and it ends
        self.assertEqual(noise.renamed(a, b, [], random_of(0)), (a, b))

    def test_noise_never_touches_a_negation(self):
        for i in range(200):
            self.assertEqual(noise.no_spaces(noise.noisy("나는 학교에 안 갔습니다", random_of(i))).rstrip("."), "나는학교에안갔습니다")


class Sequences(unittest.TestCase):
    def packed(self) -> pack.Packed:
        random = np.random.default_rng(0)
        texts = [np.arange(5, 5 + n) for n in random.integers(1, 70, 300)]
        return pack.pack(texts, [i % 3 > 0 for i in range(300)], 64)

    def test_every_sequence_has_its_ends_and_its_length(self):
        packed = self.packed()
        for a, b in zip(packed.starts, packed.starts[1:]):
            self.assertEqual((packed.ids[a], packed.ids[b - 1]), (vocab.CLS, vocab.SEP))
            self.assertLessEqual(b - a, 64)

    def test_batches_have_one_length_and_hold_everything_once(self):
        packed = self.packed()
        lengths = np.diff(packed.starts)
        batches = pack.batches(packed, 256, 1, 0)
        for batch in batches:
            self.assertEqual(len(set(lengths[batch])), 1)
            self.assertLessEqual(len(batch) * lengths[batch[0]], max(256, lengths[batch[0]]))
            self.assertEqual(pack.rows(packed, batch)[0].tolist(), packed.ids[packed.starts[batch[0]] : packed.starts[batch[0] + 1]].tolist())
        self.assertEqual(sorted(np.concatenate(batches)), list(range(len(lengths))))
        self.assertEqual([b.tolist() for b in batches], [b.tolist() for b in pack.batches(packed, 256, 1, 0)])
        self.assertNotEqual([b.tolist() for b in batches], [b.tolist() for b in pack.batches(packed, 256, 1, 1)])


class Vectors(unittest.TestCase):
    def test_words_of_like_places_have_like_vectors_and_the_same_ones_each_time(self):
        random = np.random.default_rng(0)
        texts = []
        for _ in range(4_000):  # 5 and 6 stand beside 10 to 19, 7 and 8 beside 20 to 29
            side = int(random.integers(2))
            texts.append(np.array([random.choice([5, 6] if side == 0 else [7, 8]), *random.integers(10 + 10 * side, 20 + 10 * side, 9)]))
        packed = pack.pack(texts, [False] * len(texts), 64)
        start = vectors.start(packed, 32, 4, 8, 1)
        self.assertEqual(start.tobytes(), vectors.start(packed, 32, 4, 8, 1).tobytes())
        self.assertTrue(np.isfinite(start).all())
        cosine = lambda i, j: float(start[i] @ start[j] / np.linalg.norm(start[i]) / np.linalg.norm(start[j]))
        self.assertGreater(min(cosine(5, 6), cosine(7, 8)), max(cosine(5, 7), cosine(5, 8), cosine(6, 7), cosine(6, 8)) + 0.3)


class Vocabulary(Folder):
    def test_trained_twice_it_is_the_same_and_ids_are_those_of_transformers(self):
        texts = [text for text, _ in self.corpus.texts]
        entries = vocab.train(texts, 500, 300)
        for _ in range(3):
            self.assertTrue(entries == vocab.train(texts, 500, 300))  # assertEqual compares two long lists for minutes if they differ
        self.assertEqual(entries[:5], vocab.SPECIAL)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vocab.txt"
            vocab.save(entries, path)
            from transformers import BertTokenizer

            theirs = BertTokenizer(str(path), do_lower_case=False, strip_accents=False, tokenize_chinese_chars=True)
            ours = vocab.ids_of(vocab.load(path), texts[:50], 12)
            self.assertEqual([row.tolist() for row in ours], theirs(texts[:50], truncation=True, max_length=12)["input_ids"])


@unittest.skipUnless(os.environ.get("MUNJANG_DATA"), "MUNJANG_DATA does not name the data folder: the real sets are not checked")
class RealData(unittest.TestCase):
    def test_no_sentence_of_the_negation_set_was_copied(self):
        """Before anything is removed: not even by chance does one stand in the text that is read."""
        data = sets.Folder(Path(os.environ["MUNJANG_DATA"]))
        mine = {key(t) for row in overlap.triples() for t in row}
        rows = [t for _, t, _ in sets.raw_texts(data, 553_369, 60_000)]
        for table in (sets.sts(data, "klue-sts/train.tsv"), sets.sts(data, "korsts/sts-train.tsv"), sets.nli(data, "klue-nli/train.tsv"), sets.sae4k(data)):
            rows += [t for row in table for t in row[:2]]
        for group in sets.parakqc(data) + sets.stylekqc(data, "train"):
            rows += group
        self.assertEqual([t for t in rows if key(t) in mine], [])
        self.assertGreater(len(rows), 700_000)


if __name__ == "__main__":
    unittest.main()
