"""What a step draws, and the losses of it: all texts go through the encoder at once, and each loss gets its own."""

import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from reference.train import losses, prepare
from reference.train.contrast import Contrastive, all_sources, contrastive_batch, contrastive_loss, drawn
from reference.train.model import embed
from reference.train.pack import end_to_end
from reference.train.profiles import TINY
from reference.train.rank import Ranked, near_negations, ranked_loss
from reference.train.run import Run
from reference.train.tests import sample_data
from reference.train.tests.test_training import encoder
from reference.train.text import random_of


class Batches(unittest.TestCase):
    def test_a_ranked_batch_is_the_sum_of_its_losses(self):
        model, random = encoder(), np.random.default_rng(3)
        draw = lambda n: [np.array([2, *random.integers(5, 50, random.integers(1, 9)), 3]) for _ in range(n)]
        pairs, near, negation = draw(8), draw(7), draw(6)
        scores, hint = np.array([0.1, 0.9, 0.5, 1.0], np.float32), Contrastive(3, np.array([1]), np.zeros((3, 3), bool), np.array([], np.int64))
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
        texts, batch = contrastive_batch([("a", "b", ["x"]), ("c", "d", [])], [("t", 4), ("u", 0)])
        self.assertEqual((texts, batch.topics.tolist()), (["a", "c", "b", "d", "x", "t", "u"], [4, 0]))

    def test_titles_add_their_loss(self):
        v, profile = torch.randn(5 + 6, 32), replace(TINY, topic_weight=0.7)
        hint = Contrastive(2, np.array([1]), np.zeros((2, 2), bool), np.array([], np.int64))
        topics = np.array([3, 3, 0, 0, 3, 6])
        alone = losses.at_dims(lambda t: losses.prototypes(t, torch.from_numpy(topics), 20.0), profile.dims, profile.dim_weights, v[5:])
        both = contrastive_loss(v, replace(hint, topics=topics), profile)
        torch.testing.assert_close(both, contrastive_loss(v[:5], hint, profile) + 0.7 * alone)

    def test_some_steps_draw_titles(self):
        with tempfile.TemporaryDirectory() as folder:
            sample_data.write(Path(folder, "data"))
            draws = {}
            for share in (0.0, 0.5, 1.0):
                run = Run(replace(TINY, topic_share=share), 1, Path(folder, "data"), Path(folder, f"out{share}"))
                prepare.data(run)
                prepare.negations(run)
                draws[share] = [drawn(run, 8, "x", step) for step in range(20)]
            read = prepare.load(run)
            with_titles = {share: sum(len(batch.topics) > 0 for _, batch in made) for share, made in draws.items()}
            self.assertEqual((with_titles[0.0], with_titles[1.0]), (0, 20))
            self.assertTrue(5 < with_titles[0.5] < 15)
            self.assert_long_negations_stay_near(run)
            known = dict(read.topics)
            for texts, batch in draws[1.0]:
                self.assertEqual([known[text] for text in texts[-8:]], batch.topics.tolist())

    def assert_long_negations_stay_near(self, run: Run):
        built, near = prepare.load_negations(run), near_negations(run)
        self.assertEqual(len(near), len(built["long"]))
        self.assertGreater(len(near), 5)
        opposites = {text: found for text, _, found in built["long"]}
        for text, opposite, score in near:
            self.assertIn(opposite, opposites[text])
            self.assertEqual(score, run.profile.negation_near)
        most = run.profile.negation_longest
        self.assertTrue(all(most < len(text) for text in opposites))
        drawn_apart = [text for kind in ("paraphrase", "form", "copy") for item in built[kind] for text in item[:2] if text]
        self.assertGreater(len(drawn_apart), 5)
        self.assertLessEqual(max(map(len, (item[0] for item in built["copy"] + built["paraphrase"]))), most)
        _, item = all_sources(run)["negation"]
        self.assertFalse({item(i, random_of(i))[0] for i in range(len(drawn_apart) // 2)} & set(opposites))
        self.assertEqual(near_negations(replace(run, profile=replace(run.profile, without=("negation",)))), [])


if __name__ == "__main__":
    unittest.main()
