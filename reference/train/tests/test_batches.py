"""What a step draws, and the losses of it: all texts go through the encoder at once, and each loss gets its own."""

import shutil
import unittest
from dataclasses import replace
from unittest import mock

import numpy as np
import torch

from reference.train import losses, prepare
from reference.train.bag import bag_loss, bag_of
from reference.train.contrast import Contrastive, all_sources, contrastive_batch, contrastive_loss, drawn
from reference.train.distil import Shared, distil, shared_loss
from reference.train.model import Encoder, embed
from reference.train.negate import opposites
from reference.train.pack import end_to_end
from reference.train.profiles import TINY, Shares
from reference.train.rank import Ranked, graded, near_negations, rank, ranked_loss
from reference.train.tests.prepared import Prepared
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
            batch = Ranked(end_to_end(ids), scores, contrast, negated, bag_of(end_to_end(ids)))
            torch.testing.assert_close(ranked_loss(model, batch, replace(profile, without=("bag",))), expected, rtol=1e-4, atol=1e-4)
            words = 0.3 * bag_loss(model, vectors(ids), batch.bag, "cpu")
            torch.testing.assert_close(ranked_loss(model, batch, replace(profile, bag=0.3)), expected + words, rtol=1e-4, atol=1e-4)

    def test_a_shared_batch_is_drawn_to_the_mean_of_the_teachers(self):
        student, teachers, random = encoder(), [encoder(2), encoder(3)], np.random.default_rng(4)
        ids = end_to_end([np.array([2, *random.integers(5, 50, random.integers(1, 9)), 3]) for _ in range(9)])
        batch = Shared(ids, 3, bag_of(ids))  # three pairs, and three others
        profile = replace(TINY, dims=(32,), dim_weights=(1.0,), bag=0.3)
        unit = lambda model: torch.nn.functional.normalize(embed(model, ids, "cpu"), dim=-1)
        wanted = sum(unit(teacher) @ unit(teacher).T for teacher in teachers) / 2
        v = embed(student, ids, "cpu")
        scores = torch.stack([wanted[i, i + 3] for i in range(3)])
        expected = losses.alike(v, wanted, profile.rank_scale) + losses.ranking(v[:3], v[3:6], scores, profile.rank_scale, profile.anchor)
        alone = shared_loss(student, teachers, batch, replace(profile, without=("bag",)))
        torch.testing.assert_close(alone, expected)
        torch.testing.assert_close(shared_loss(student, teachers, batch, profile), expected + 0.3 * bag_loss(student, v, batch.bag, "cpu"))
        itself = shared_loss(student, [student], batch, replace(profile, without=("bag",), rank_scale=0.0, anchor=1.0))
        self.assertAlmostEqual(float(itself.detach()), float(torch.log(torch.tensor(4.0))), 4)  # nothing but the ranks of three pairs, at scale 0
        short = replace(profile, without=("bag",), dims=(32, 16), dim_weights=(1.0, 0.5))
        at = lambda d: losses.alike(v[:, :d], wanted, 20.0) + losses.ranking(v[:3, :d], v[3:6, :d], scores, 20.0, short.anchor)
        torch.testing.assert_close(shared_loss(student, teachers, batch, replace(short, rank_scale=20.0)), (at(32) + 0.5 * at(16)) / 1.5)

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


class Drawn(Prepared):
    """What the stages draw out of a small data folder."""

    stages = (prepare.data, prepare.vocabulary, prepare.negations)

    def test_some_steps_draw_titles(self):
        draw = lambda **changes: [drawn(self.run_of(**changes), 8, "x", step) for step in range(20)]
        count = lambda draws: sum(len(batch.topics) > 0 for _, batch in draws)
        always = draw(topic_share=1.0)
        self.assertEqual((count(draw(topic_share=0.0)), count(always)), (0, 20))
        self.assertTrue(5 < count(draw(topic_share=0.5)) < 15)
        self.assertEqual(count(draw(topic_share=1.0, without=("topics",))), 0)
        known = dict(prepare.load(self.run_of()).topics)
        for texts, batch in always:
            self.assertEqual([known[text] for text in texts[-8:]], batch.topics.tolist())

    def test_negations_of_short_sentences_are_drawn_apart(self):
        run = self.run_of()
        built, most = prepare.load_negations(run), run.profile.negation_longest
        for kind, number in (("paraphrase", 2), ("copy", 1)):
            texts = [text for item in built[kind] for text in item[:number]]
            self.assertGreater(len(texts), 5)
            self.assertLessEqual(max(map(len, texts)), most)
        long = {text for text, _, _ in near_negations(run)}
        count, item = all_sources(run)["negation"]
        self.assertFalse({item(i, random_of(i))[0] for i in range(count)} & long)

    def test_negations_of_long_sentences_stay_near(self):
        run, (least, most) = self.run_of(), TINY.negation_long
        near = near_negations(run)
        self.assertGreater(len(near), 5)
        for text, opposite, score in near:
            self.assertTrue(least <= len(text) <= most)
            self.assertIn(opposite, opposites(text))
            self.assertEqual(score, TINY.negation_near)
        self.assertEqual(near_negations(self.run_of(without=("negation",))), [])

    def test_composed_groups_are_sentences_with_their_opposites(self):
        run = self.run_of()
        short = [group for group in prepare.load(run).composed if max(map(len, group)) < TINY.negation_long[0]]
        self.assertTrue(0 < len(short) < len(prepare.load(run).composed))
        count, item = all_sources(run)["composed"]
        self.assertEqual(count, len(short))
        drawn = [(group, *item(i, random_of(i))) for i, group in enumerate(short)]
        for group, a, b, opposites in drawn:
            self.assertEqual(({a, b}, opposites), ({group.text, group.same}, [group.opposite]))
        self.assertEqual({a == group.text for group, a, _, _ in drawn}, {True, False})
        self.assertNotIn("composed", all_sources(self.run_of(without=("composed",))))
        self.assertNotIn("composed", dict(TINY.mix))  # in the contrastive stage they are too hard

    def test_composed_groups_have_their_scores(self):
        run = self.run_of(composed_scores=(("same", 0.9), ("topic", 0.2)))
        first = prepare.load(run).composed[0]
        self.assertEqual(graded(run)[:2], [(first.text, first.same, 0.9), (first.text, first.topic, 0.2)])
        self.assertEqual(graded(self.run_of(without=("composed",))), [])
        scores = {float(s) for batch in self.ranked((("composed", 1.0),)) for s in batch.scores}
        self.assertEqual(scores, {float(np.float32(s)) for _, s in TINY.composed_scores})

    def test_some_negations_are_composed(self):
        run = self.run_of()
        known = {tuple(ids) for group in prepare.load(run).composed for ids in prepare.ids_of(run)(list(group))}

        def composed(batch: Ranked) -> bool:
            """Whether its texts, paraphrases and opposites are: the last of its texts."""
            starts = batch.texts.starts[-1 - 3 * batch.negated :]
            return all(tuple(batch.texts.ids[a:b]) in known for a, b in zip(starts, starts[1:]))

        count = lambda share: sum(map(composed, self.ranked((("klue", 1.0),), negation_share=1.0, negation_composed=share)))
        self.assertEqual((count(0.0), count(1.0)), (0, 6))
        self.assertTrue(0 < count(0.5) < 6)

    def ranked(self, shares: Shares, **changes) -> list[Ranked]:
        """What the first steps of a ranking stage draw."""
        run, kept = self.run_of(**{"contrast_share": 0.0, "negation_share": 0.0, **changes}), []

        def no_training(folder, modules, batch_at, *rest, **more) -> dict:
            kept.extend(batch_at(step) for step in range(6))
            return {}

        new = lambda: Encoder(run.entries(), TINY.shape)
        with mock.patch("reference.train.rank.train", no_training):
            shutil.rmtree(run.folder("x"), ignore_errors=True)
            rank(run, "x", new, TINY.rank, shares)
        return kept

    def test_words_are_renamed_in_the_named_sets_alone(self):
        for name, renamed in (("kor", True), ("klue", False)):
            plain, changed = (self.ranked(((name, 1.0),), rename=rename) for rename in ((), (("kor", 1.0),)))
            same = [np.array_equal(a.texts.ids, b.texts.ids) for a, b in zip(plain, changed)]
            self.assertEqual(any(same), not renamed, name)
            self.assertEqual([a.scores.tolist() for a in plain], [b.scores.tolist() for b in changed])

    def test_distillation_draws_pairs_negations_and_others(self):
        run, kept, asked = self.run_of(rename=()), [], []
        new = lambda: Encoder(run.entries(), TINY.shape)
        student, siblings = new(), [new(), new()]

        def no_training(folder, modules, batch_at, loss_of, *rest, **more) -> dict:
            self.assertIs(modules["encoder"], student)
            self.assertEqual({m.p for m in student.modules() if isinstance(m, torch.nn.Dropout)}, {TINY.dropout})
            kept.extend(batch_at(step) for step in range(6))
            loss_of(kept[0])
            return {}

        shutil.rmtree(run.folder("distil"), ignore_errors=True)
        with mock.patch("reference.train.distil.train", no_training), mock.patch("reference.train.distil.shared_loss", lambda *of: asked.append(of)):
            distil(run, lambda: student, [lambda: siblings[0], lambda: siblings[1]])
        self.assertEqual(asked, [(student, siblings, kept[0], run.profile)])
        saved = run.model("distil", TINY.shape).state_dict()
        self.assertTrue(all(torch.equal(value, saved[name]) for name, value in student.state_dict().items()))
        ids = lambda text: tuple(prepare.ids_of(run)([text])[0])
        read = prepare.load(run)
        known = {(ids(a), ids(b)) for rows in (*read.sts.values(), graded(run)) for a, b, _ in rows}
        negated = 0
        for batch in kept:
            texts = [tuple(batch.texts.ids[a:b]) for a, b in zip(batch.texts.starts, batch.texts.starts[1:])]
            first, second = texts[: batch.pairs], texts[batch.pairs : 2 * batch.pairs]
            scored = TINY.distil_batch // 2
            self.assertTrue(set(zip(first[:scored], second[:scored])) <= known)
            items, more = first[scored:], (batch.pairs - scored) // 2  # texts with a paraphrase, and again with an opposite
            self.assertEqual(items[:more], items[more:])
            self.assertTrue(any(a != b for a, b in zip(second[scored : scored + more], second[scored + more :])))
            negated += more
            self.assertGreater(len(texts), 2 * batch.pairs)
            for mine, wanted in zip(vars(batch.bag).values(), vars(bag_of(batch.texts)).values()):
                self.assertTrue(np.array_equal(mine, wanted))
        self.assertGreater(negated, 6)

    def test_words_of_all_texts_are_told_in_ranking(self):
        for batch in self.ranked((("kor", 1.0),), negation_share=1.0, contrast_share=1.0):
            self.assertEqual(batch.bag.text.tolist(), bag_of(batch.texts).text.tolist())

    def test_near_negations_are_a_set_of_pairs(self):
        for batch in self.ranked((("long", 1.0),)):
            self.assertEqual(batch.scores.tolist(), [np.float32(TINY.negation_near)] * TINY.rank_batch)


if __name__ == "__main__":
    unittest.main()
