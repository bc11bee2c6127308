"""The losses against their formulas, number by number."""

import math
import unittest

import torch

from reference.train import losses


class Losses(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(0)
        self.a, self.b, self.c = torch.randn(3, 5, 8).unbind()
        self.score = torch.tensor([0.1, 0.9, 0.5, 0.5, 1.0])

    def cos(self, x, y) -> float:
        return float(x @ y / x.norm() / y.norm())

    def test_cosent(self):
        cosine = [self.cos(x, y) for x, y in zip(self.a, self.b)]
        total = 1 + sum(math.exp(20 * (cosine[j] - cosine[i])) for i in range(5) for j in range(5) if self.score[i] > self.score[j])
        self.assertAlmostEqual(float(losses.cosent(losses.cosines(self.a, self.b), self.score, 20.0)), math.log(total), 4)
        squares = sum((c - float(s)) ** 2 for c, s in zip(cosine, self.score)) / 5
        self.assertAlmostEqual(float(losses.ranking(self.a, self.b, self.score, 20.0, 3.0)), math.log(total) + 3 * squares, 4)

    def test_contrastive(self):
        owner = torch.tensor([0, 0, 3])
        same = torch.zeros(5, 5, dtype=torch.bool)
        same[1, 4] = True
        expected = 0.0
        for i in range(5):
            row = {j: math.exp(10 * self.cos(self.a[i], self.b[j])) for j in range(5) if not same[i, j]}
            hard = sum(math.exp(10 * self.cos(self.a[i], self.c[m])) * (2 if owner[m] == i else 1) for m in range(3))
            column = sum(math.exp(10 * self.cos(self.a[j], self.b[i])) for j in range(5) if not same[j, i])
            expected -= (math.log(row[i] / (sum(row.values()) + hard)) + math.log(row[i] / column)) / 2
        value = losses.contrastive(self.a, self.b, self.c[:3], owner, same, 10.0)
        self.assertAlmostEqual(float(value), expected / 5, 4)
        none = losses.contrastive(self.a, self.b, self.c[:0], owner[:0], same, 10.0)
        self.assertLess(float(none), float(value))

    def test_prototypes(self):
        labels = [0, 2, 0, 4, 2]  # 1 and 3 do not occur, 4 occurs once
        unit = [v / v.norm() for v in self.a]
        middle = lambda label, i: sum(unit[j] for j in range(5) if labels[j] == label and j != i)
        expected = []
        for i in (0, 1, 2, 4):
            near = {label: math.exp(7 * self.cos(unit[i], middle(label, i))) for label in (0, 2, 4)}
            expected.append(-math.log(near[labels[i]] / sum(near.values())))
        self.assertAlmostEqual(float(losses.prototypes(self.a, torch.tensor(labels), 7.0)), sum(expected) / 4, 4)
        alone = losses.prototypes(self.a.requires_grad_(), torch.arange(5), 7.0)
        alone.backward()
        self.assertEqual((float(alone.detach()), float(self.a.grad.abs().sum())), (0, 0))

    def test_losses_are_of_float32_where_the_model_is_not(self):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = losses.at_dims(lambda a, b: (a @ b.T).sum(), (8,), (1.0,), self.a, self.b)
            similar = losses.similarities(self.a)
        self.assertEqual(float(value), float((self.a @ self.b.T).sum()))
        self.assertTrue(torch.equal(similar, losses.similarities(self.a)))

    def test_negation(self):
        expected = 0.0
        for a, b, c in zip(self.a, self.b, self.c):
            near, far = self.cos(a, b), self.cos(a, c)
            expected += math.log(1 + math.exp(10 * (0.1 - near + far))) + 4 * max(0, far - 0.2) ** 2
        self.assertAlmostEqual(float(losses.negation(self.a, self.b, self.c, 0.1, 0.2)), expected / 5, 4)

    def test_dims(self):
        loss = lambda x, y: (x * y).sum()
        expected = (2 * float((self.a * self.b).sum()) + float((self.a[:, :4] * self.b[:, :4]).sum())) / 3
        self.assertAlmostEqual(float(losses.at_dims(loss, (8, 4), (2.0, 1.0), self.a, self.b)), expected, 4)

    def test_alike(self):
        self.assertAlmostEqual(float(losses.alike(self.a, losses.similarities(self.a * 3), 20.0)), 0, 5)
        wide = torch.randn(5, 16)
        expected = 0.0
        for i in range(5):
            others = [j for j in range(5) if j != i]
            s, t = ([self.cos(v[i], v[j]) for j in others] for v in (self.a, wide))
            p, q = ([math.exp(20 * x) / sum(math.exp(20 * y) for y in row) for x in row] for row in (s, t))
            expected += sum(y * math.log(y / x) for x, y in zip(p, q)) / 5 + 10 * sum((x - y) ** 2 for x, y in zip(s, t)) / 20
        self.assertAlmostEqual(float(losses.alike(self.a, losses.similarities(wide), 20.0)), expected, 3)


if __name__ == "__main__":
    unittest.main()
