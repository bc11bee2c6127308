"""The sentences that were made up for this project: what rules can tell of what composed/README.md says."""

import re
import unittest
from collections import Counter

from reference.train import sets
from reference.train.overlap import triples
from reference.train.text import key


def in_common(a: Counter, b: Counter) -> float:
    """Share of the pairs of letters that two sentences have in common (Dice)."""
    return 2 * (a & b).total() / max(1, a.total() + b.total())


def pairs(text: str) -> Counter:
    k = key(text)
    return Counter(k[i : i + 2] for i in range(len(k) - 1))


class Groups(unittest.TestCase):
    groups = sets.composed()

    def test_five_different_sentences_each(self):
        self.assertGreater(len(self.groups), 9_000)
        for group in self.groups:
            self.assertEqual(len({key(text) for text in group}), 5, group)
            self.assertTrue(all(key(text) and len(text) <= 80 for text in group), group)

    def test_no_text_twice(self):
        texts = Counter(key(group.text) for group in self.groups)
        self.assertEqual([text for text, n in texts.items() if n > 1], [])

    def test_the_opposite_shares_more_with_the_text_than_the_paraphrase(self):
        """Or counting letters would tell them apart."""
        nearer = [in_common(pairs(g.text), pairs(g.opposite)) > in_common(pairs(g.text), pairs(g.same)) for g in self.groups]
        self.assertGreater(sum(nearer) / len(nearer), 0.85)

    def test_forms(self):
        for form in (" 안 ", "못", "지 않", "없", "아니", "모르|몰", "지 마"):
            opposites = sum(bool(re.search(form, group.opposite)) for group in self.groups)
            texts = sum(bool(re.search(form, group.text)) for group in self.groups)
            self.assertGreater(opposites, 20, form)
            self.assertGreater(texts, 10, form)  # else the word alone would tell

    def test_apart_from_the_negation_set(self):
        held = [(text, pairs(text)) for row in triples() for text in row]
        where: dict[str, list[tuple[int, int]]] = {}
        for i, (_, theirs) in enumerate(held):
            for pair, n in theirs.items():
                where.setdefault(pair, []).append((i, n))
        for text in (text for group in self.groups for text in group):
            ours, common = pairs(text), Counter()  # common: with each held sentence, counted for all of them at once
            for pair, n in ours.items():
                for i, m in where.get(pair, []):
                    common[i] += min(n, m)
            for i, n in common.items():
                self.assertLessEqual(2 * n / (ours.total() + held[i][1].total()), 0.7, f"{text} / {held[i][0]}")

    def test_every_nth_where_few_are_asked_for(self):
        few = sets.composed(10)
        self.assertEqual(len(few), 10)
        self.assertEqual(len(set(few)), 10)
        self.assertLessEqual(set(few), set(self.groups))


if __name__ == "__main__":
    unittest.main()
