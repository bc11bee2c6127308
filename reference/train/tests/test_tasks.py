"""What is mined, the tasks of the evaluation, and the tables made of their figures."""

import unittest

import numpy as np

from reference.train.cross import balanced, neighbours
from reference.train.evaluate import table, tasks
from reference.train.splits import bin_of


class Mining(unittest.TestCase):
    def test_neighbours(self):
        random = np.random.default_rng(0)
        v = random.standard_normal((40, 6)).astype(np.float32)
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        expected = [sorted((j for j in range(40) if j != i), key=lambda j: -float(v[i] @ v[j]))[:5] for i in range(40)]
        self.assertEqual(neighbours(v, 5).tolist(), expected)

    def test_balanced(self):
        scores = [0.05] * 100 + [0.3] * 3 + [0.5] * 40 + [0.7] * 40 + [0.95] * 40
        chosen = balanced(scores, 83, 1)
        self.assertEqual([sum(bin_of(scores[i]) == b for i in chosen) for b in range(5)], [20, 3, 20, 20, 20])
        self.assertEqual(len(balanced(scores, 10_000, 1)), len(scores))


class Tasks(unittest.TestCase):
    def vectors(self, texts):
        """One-hot of the first character, and a little of the length."""
        out = np.array([[*(t[0] == c for c in "abc"), len(t) / 100] for t in texts], float)
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    def test_retrieval(self):
        rows = [("a one", "a two longer", True), ("b one", "b two", True), ("c", "a something else here", False)]
        found = tasks.question_retrieval(self.vectors, rows)
        self.assertEqual(found["first"], 100)
        self.assertEqual(tasks.retrieval(self.vectors, ["c"], [{0}], ["a", "c"])["first"], 100)  # itself is not counted
        self.assertEqual(tasks.retrieval(self.vectors, ["c"], [{0}], ["a", "cc", "cd"])["first"], 0)

    def test_negation_and_spread(self):
        found = tasks.negation(self.vectors, [("a x", "b x", "a xyz"), ("a", "a", "c")])
        self.assertEqual(found["right"], 50)
        self.assertEqual(tasks.spread(np.full(10, 0.9))["deviation"], 0)

    def test_paraphrase_and_topics(self):
        self.assertEqual(tasks.paraphrase(self.vectors, [("a", "a b", True), ("a", "b", False), ("c", "c d", True)]), 100)
        rows = [(f"{c}{'x' * i}", "abc".index(c)) for c in "abc" for i in range(9)]
        self.assertEqual(tasks.topics(self.vectors, rows, rows, 1.0), 100)

    def test_tables(self):
        file = lambda seed, s, without: {
            "profile": {"name": "cpu"}, "seed": seed, "without": without, "rows": {"shipped, int8": {"KLUE-STS dev": {"spearman": s, "pearson": s}}},
        }
        text = table.tables([file(1, 70.0, []), file(2, 72.0, []), file(1, 60.0, ["mlm"])])
        self.assertIn("| shipped, int8 (2 seeds) | 71.0 ± 1.4 | 71.0 ± 1.4 | - |", text)
        self.assertIn("| without mlm | 60.0 |", text)
        self.assertNotIn("of these runs", text)
        self.assertIn("1 of these runs took", table.tables([file(1, 70.0, []), {**file(2, 72.0, []), "pretrained": 1}]))


if __name__ == "__main__":
    unittest.main()
