"""Which words a text has: what is asked, the loss against its formula, and that each stage adds it with its weight."""

import shutil
import unittest
from unittest import mock

import numpy as np
import torch

from reference.train import prepare
from reference.train.bag import bag_loss, bag_of
from reference.train.contrast import contrast
from reference.train.mlm import new_encoder, pretrain
from reference.train.model import Encoder
from reference.train.pack import end_to_end
from reference.train.pipeline import static_shape
from reference.train.profiles import TINY
from reference.train.run import Run
from reference.train.tests.prepared import Prepared
from reference.train.tests.test_training import encoder


class Bags(unittest.TestCase):
    def test_each_entry_of_a_text_once_and_no_special_ones(self):
        bag = bag_of(end_to_end([np.array(ids) for ids in ([2, 9, 7, 9, 3], [2, 3], [2, 1, 7, 3])]))  # [CLS] 2, [SEP] 3, [UNK] 1
        self.assertEqual(list(zip(bag.text.tolist(), bag.entry.tolist(), bag.share.tolist())), [(0, 7, 0.5), (0, 9, 0.5), (2, 7, 1.0)])

    def test_the_loss_is_the_cross_entropy_to_equal_shares(self):
        model, v = encoder(), torch.randn(3, 32)
        texts = [[2, 9, 7, 9, 3], [2, 3], [2, 8, 3]]
        said = model.bag(v, model.words.weight).log_softmax(-1)
        expected = -((said[0, 9] + said[0, 7]) / 2 + said[2, 8]) / 3
        torch.testing.assert_close(bag_loss(model, v, bag_of(end_to_end([np.array(t) for t in texts])), "cpu"), expected)

    def test_a_vector_learns_to_tell_its_words(self):
        model = encoder()
        v, bag = torch.randn(2, 32, requires_grad=True), bag_of(end_to_end([np.array([2, 9, 7, 3]), np.array([2, 8, 3])]))
        optimiser = torch.optim.Adam([v, *model.bag.parameters()], lr=0.05)
        for _ in range(200):
            optimiser.zero_grad()
            bag_loss(model, v, bag, "cpu").backward()
            optimiser.step()
        said = model.bag(v, model.words.weight)
        self.assertEqual((set(said[0].topk(2).indices.tolist()), int(said[1].argmax())), ({7, 9}, 8))


class Stages(Prepared):
    def first_loss(self, module: str, stage, **changes) -> float:
        run, kept = self.run_of(dropout=0.0, **changes), []
        new = lambda: new_encoder(run, TINY.shape)

        def no_training(folder, modules, batch_at, loss_of, *rest, **more) -> dict:
            kept.append(float(loss_of(batch_at(0)).detach()))
            return {"steps": 0}

        shutil.rmtree(run.folder("x"), ignore_errors=True)
        with mock.patch(f"reference.train.{module}.train", no_training):
            stage(run, new)
        return kept[0]

    def test_stages_add_it_with_their_weight(self):
        for module, stage, weight in (
            ("mlm", lambda run, new: pretrain(run, "x", new, TINY.mlm), "bag_mlm"),
            ("contrast", lambda run, new: contrast(run, "x", new, TINY.contrast), "bag"),
        ):
            none, once, twice = (self.first_loss(module, stage, **{weight: value}) for value in (0.0, 0.4, 0.8))
            self.assertGreater(once, none + 0.1, module)
            self.assertAlmostEqual(twice - once, once - none, 4, module)
            self.assertAlmostEqual(self.first_loss(module, stage, **{weight: 0.8, "without": ("bag",)}), none, 4, module)

    def test_masked_words_are_to_be_told_too(self):
        run, kept = self.run_of(), []

        def no_training(folder, modules, batch_at, *rest, **more) -> dict:
            kept.append(batch_at(0))
            return {"steps": 0}

        shutil.rmtree(run.folder("x"), ignore_errors=True)
        with mock.patch("reference.train.mlm.train", no_training):
            pretrain(run, "x", lambda: new_encoder(run, TINY.shape), TINY.mlm)
        (masked, at, were), bag = kept[0]
        told = set(zip(bag.text.tolist(), bag.entry.tolist()))
        self.assertTrue(set(zip((at // masked.shape[1]).tolist(), were.tolist())) <= told)

    def test_it_says_at_first_how_frequent_entries_are(self):
        run, kept = self.run_of(), []
        shutil.rmtree(run.folder("x"), ignore_errors=True)

        def no_training(folder, modules, *rest, **more) -> dict:
            kept.append(modules["encoder"].bag.bias.detach().clone())
            return {"steps": 0}

        with mock.patch("reference.train.mlm.train", no_training):
            pretrain(run, "x", lambda: new_encoder(run, TINY.shape), TINY.mlm)
            shutil.rmtree(run.folder("y"), ignore_errors=True)
            pretrain(run, "y", lambda: filled(run, 0.25), TINY.mlm, before="x")
        ids = prepare.load_sequences(run).ids
        share = np.bincount(ids, minlength=run.entries()) / len(ids)
        frequent = torch.from_numpy(np.log(np.maximum(share, 1e-8))).float()
        torch.testing.assert_close(kept[0], frequent)
        torch.testing.assert_close(new_encoder(run, static_shape(run)).bag.bias, frequent)
        self.assertTrue((kept[1] == 0.25).all())  # what another stage has learned stays


def filled(run: Run, value: float) -> Encoder:
    out = new_encoder(run, TINY.shape)
    torch.nn.init.constant_(out.bag.bias, value)
    return out


if __name__ == "__main__":
    unittest.main()
