"""What a step draws, and the losses of it: all texts go through the encoder at once, and each loss gets its own."""

import unittest
from dataclasses import replace

import numpy as np
import torch

from reference.train import losses
from reference.train.contrast import Contrastive, contrastive_batch, contrastive_loss
from reference.train.model import embed
from reference.train.pack import end_to_end
from reference.train.profiles import TINY
from reference.train.rank import Ranked, ranked_loss
from reference.train.tests.test_training import encoder


class Batches(unittest.TestCase):
    def test_a_ranked_batch_is_the_sum_of_its_losses(self):
        model, random = encoder(), np.random.default_rng(3)
        draw = lambda n: [np.array([2, *random.integers(5, 50, random.integers(1, 9)), 3]) for _ in range(n)]
        pairs, near, negation = draw(8), draw(7), draw(6)
        scores, hint = np.array([0.1, 0.9, 0.5, 1.0], np.float32), Contrastive(3, np.array([1]), np.zeros((3, 3), bool))
        profile = replace(TINY, negation_weight=3.0)
        vectors = lambda ids: embed(model, end_to_end(ids), "cpu")
        dims = (profile.dims, profile.dim_weights)
        p, c, n = vectors(pairs), vectors(near), vectors(negation)
        ranking = lambda a, b: losses.ranking(a, b, torch.from_numpy(scores), profile.rank_scale, profile.anchor)
        opposite = lambda a, b, c: losses.negation(a, b, c, profile.negation_margin, profile.negation_score)
        alone = losses.at_dims(ranking, *dims, p[:4], p[4:])
        beside = contrastive_loss(c, hint, profile), 3 * losses.at_dims(opposite, *dims, n[:2], n[2:4], n[4:])
        for contrast, negated, expected in ((None, 0, alone), (hint, 0, alone + beside[0]), (None, 2, alone + beside[1]), (hint, 2, alone + sum(beside))):
            ids = pairs + (near if contrast else []) + (negation if negated else [])
            batch = Ranked(end_to_end(ids), scores, contrast, negated)
            torch.testing.assert_close(ranked_loss(model, batch, profile), expected, rtol=1e-4, atol=1e-4)

    def test_a_contrastive_batch_names_its_texts_and_owners(self):
        texts, batch = contrastive_batch([("a", "b", ["x"]), ("c", "d", []), ("e", "b", ["y", "z"])])
        self.assertEqual(texts, ["a", "c", "e", "b", "d", "b", "x", "y", "z"])
        self.assertEqual((batch.n, batch.owner.tolist()), (3, [0, 2, 2]))
        self.assertEqual(np.argwhere(batch.same).tolist(), [[0, 2], [2, 0]])


if __name__ == "__main__":
    unittest.main()
