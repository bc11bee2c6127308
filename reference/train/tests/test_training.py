"""The fake whole numbers against the engine's rule in numpy, the model against transformers', the loop."""

import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from reference.train import loop, mlm, muon, quant
from reference.train.ahead import ahead
from reference.train.export import export
from reference.train.model import Encoder, attend, embed, into_rows, mean
from reference.train.pack import end_to_end
from reference.train.profiles import TINY, Budget, Shape

SHAPE = Shape(layers=2, hidden=32, heads=4, wide=64, positions=24)


def encoder(seed: int = 0) -> Encoder:
    torch.manual_seed(seed)
    out = Encoder(50, SHAPE)
    for p in out.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return out.eval()


class WholeNumbers(unittest.TestCase):
    """The rule of docs/int8.md once more, number by number, with whole sums."""

    def engine(self, x, weight, bias, balance):
        f = np.float32
        out = np.zeros((len(x), len(weight)), f)
        for o, row in enumerate(weight):
            row = (row / balance).astype(f)
            scale = f(np.abs(row).max() / 127) or f(1)
            q = np.clip(np.rint(row / scale), -127, 127).astype(int)
            for t, values in enumerate(x):
                values = (values * balance).astype(f)
                lo, hi = min(f(0), values.min()), max(f(0), values.max())
                s = f((hi - lo) / f(127)) or f(1)
                z = int(np.rint(-lo / s))
                u = np.clip(np.rint(values / s).astype(int) + z, 0, 127)
                out[t, o] = f(f(int((q * u).sum()) - z * int(q.sum())) * s) * scale + bias[o]
        return out

    def test_a_product_is_the_engine_s(self):
        random = np.random.default_rng(1)
        product = quant.Product(24, 7)
        x = random.standard_normal((9, 24)).astype(np.float32) * np.linspace(0.1, 8, 24).astype(np.float32)
        x[3] = 0
        x[4] = np.abs(x[4])
        balance = random.uniform(0.2, 3, 24).astype(np.float32)
        with torch.no_grad():
            product.weight[2] = 0
            product.balance.copy_(torch.from_numpy(balance))
        product.fake = True
        expected = self.engine(x, product.weight.detach().numpy(), product.bias.detach().numpy(), balance)
        np.testing.assert_allclose(product(torch.from_numpy(x)).detach().numpy(), expected, rtol=2e-5, atol=2e-5)
        product.fake = False
        self.assertGreater(np.abs(product(torch.from_numpy(x)).detach().numpy() - expected).max(), 1e-3)

    def test_the_gradient_goes_through(self):
        w = torch.randn(4, 6, requires_grad=True)
        quant.rows(w).sum().backward()
        self.assertEqual(w.grad.tolist(), torch.ones(4, 6).tolist())

    def test_a_table_has_a_scale_for_each_row(self):
        w = torch.tensor([[1.27, -0.333, 0.0], [0.0, 0.0, 0.0]])
        np.testing.assert_allclose(quant.rows(w).numpy(), [[1.27, -0.33, 0.0], [0, 0, 0]], rtol=1e-6)

    def test_calibration(self):
        texts = quant.calibration_texts()
        self.assertEqual(len(texts), 27)
        self.assertEqual(texts[0], "안녕하세요.")
        model = encoder()
        ids = [np.array([2, 7, 8, 9, 3]), np.array([2, 30, 3])]
        quant.calibrate(model, end_to_end(ids), "cpu")
        layer = model.layers[0]
        states = [(model.norm(model.words.weight[row] + model.positions.weight[: len(row)] + model.types.weight[0])) for row in map(torch.from_numpy, ids)]
        most = torch.cat(states).abs().amax(0)
        most = torch.maximum(most, most.max() * 1e-3)
        torch.testing.assert_close(layer.qkv.balance, torch.sqrt(layer.qkv.weight.abs().amax(0) / most).detach())
        plain = embed(model, end_to_end(ids), "cpu").detach()
        model.set_fake(True)
        whole = embed(model, end_to_end(ids), "cpu").detach()
        cosine = torch.cosine_similarity(plain, whole)
        self.assertGreater(float(cosine.min()), 0.98)
        self.assertFalse(torch.equal(plain, whole))


class Model(unittest.TestCase):
    def test_hidden_states_are_those_of_transformers(self):
        from transformers import BertModel

        ours = encoder(3)
        with tempfile.TemporaryDirectory() as folder:
            export(ours, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(str, range(45))], Path(folder), torch.float32)
            theirs = BertModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False).eval()
        ids = torch.randint(5, 50, (3, 9))
        mask = torch.ones(3, 9, dtype=torch.bool)
        mask[1, 6:] = False
        types = torch.randint(0, 2, (3, 9))
        with torch.no_grad():
            expected = theirs(ids, attention_mask=mask.long(), token_type_ids=types).last_hidden_state
            got = ours(ids, mask, types)
        torch.testing.assert_close(got[mask], expected[mask], rtol=1e-4, atol=1e-5)

    def test_attention_is_pytorch_s_own_backwards_too(self):
        torch.manual_seed(4)
        parts = [torch.randn(3, 2, 7, 8, dtype=torch.float64, requires_grad=True) for _ in range(3)]
        towards = torch.randn(3, 2, 7, 8, dtype=torch.float64)
        sees = torch.rand(3, 1, 7, 7) > 0.5
        for mask in (None, sees | torch.eye(7, dtype=torch.bool)):
            expected = torch.nn.functional.scaled_dot_product_attention(*parts, attn_mask=mask)
            got = attend(*parts, mask, 0.0)
            torch.testing.assert_close(got, expected)
            for ours, theirs in zip(torch.autograd.grad(got, parts, towards), torch.autograd.grad(expected, parts, towards)):
                torch.testing.assert_close(ours, theirs)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            torch.testing.assert_close(attend(*(part.float() for part in parts), mask, 0.0).double(), expected, rtol=0, atol=0.05)
        ones = torch.ones_like(parts[2])  # of which every mean is 1, unless some of what it is made of is dropped
        torch.testing.assert_close(attend(*parts[:2], ones, None, 0.0), ones)
        self.assertFalse(torch.allclose(attend(*parts[:2], ones, None, 0.5), ones))

    def test_rows_hold_several_texts_and_no_place_twice(self):
        lengths = np.random.default_rng(0).integers(1, 65, 300)
        row, first = into_rows(lengths, 64)
        taken = [(r, f + n) for r, f, length in zip(row, first, lengths) for n in range(length)]
        self.assertEqual(len(set(taken)), lengths.sum())
        self.assertLessEqual(max(place for _, place in taken), 63)
        self.assertLess((row.max() + 1) * 64, 1.1 * lengths.sum())

    def test_padding_and_order_do_not_matter(self):
        model = encoder()
        ids = [np.array([2, *range(5, 5 + n), 3]) for n in (9, 1, 5, 3, 7)]
        alone = torch.cat([mean(model(torch.from_numpy(row)[None]), None) for row in ids])
        torch.testing.assert_close(embed(model, end_to_end(ids), "cpu"), alone, rtol=1e-4, atol=1e-5)
        many = [ids[n % 5] for n in range(900)]  # more than 64 rows
        torch.testing.assert_close(embed(model, end_to_end(many), "cpu"), alone.repeat(180, 1), rtol=1e-4, atol=1e-5)

    def test_the_mask_rate_falls_in_a_straight_line(self):
        profile, budget = replace(TINY, mask_rate=(0.3, 0.15)), Budget(100, None, 1e-3)
        self.assertEqual([round(mlm.rate_at(step, profile, budget), 6) for step in (0, 50, 100)], [0.3, 0.225, 0.15])

    def test_an_encoder_grows_by_its_last_layers(self):
        small = encoder()
        grow = lambda layers: mlm.grown(small, replace(SHAPE, layers=layers))
        for layers, of in ((2, [0, 1]), (3, [0, 1, 1]), (4, [0, 1, 0, 1])):
            big = grow(layers)
            for i, layer in enumerate(big.layers):
                for name, value in layer.state_dict().items():
                    silent = i >= 2 and name in ("out.weight", "out.bias", "down.weight", "down.bias")  # a layer on top adds nothing at first
                    expected = torch.zeros_like(value) if silent else small.layers[of[i]].state_dict()[name]
                    self.assertTrue(torch.equal(value, expected), (layers, i, name))
            for name in ("words.weight", "bag.bias", "bag.dense.weight"):
                self.assertTrue(torch.equal(big.state_dict()[name], small.state_dict()[name]))
        ids = torch.arange(5, 15)[None]
        torch.testing.assert_close(grow(2).eval()(ids), small(ids))
        fresh = Encoder(50, SHAPE).eval()  # whose norms multiply by 1 and add 0: one more changes nothing
        torch.testing.assert_close(mlm.grown(fresh, replace(SHAPE, layers=4)).eval()(ids), fresh(ids))
        for layers in (1, 5):
            with self.assertRaisesRegex(SystemExit, "2 layers grows to at most 4"):
                grow(layers)

    def test_masks(self):
        ids = np.full((200, 50), 9)
        ids[:, 0] = 2
        ids[:, 1] = 30
        often = np.zeros(50, bool)
        often[9] = True
        masked, chosen = mlm.mask(ids, often, 0.2, 50, np.random.default_rng(0))
        self.assertFalse(chosen[:, 0].any())
        self.assertAlmostEqual(chosen[:, 2:].mean(), 0.1, 1)
        self.assertAlmostEqual(chosen[:, 1].mean(), 0.2, 1)
        self.assertTrue((masked[~chosen] == ids[~chosen]).all())
        self.assertAlmostEqual((masked[chosen] == 4).mean(), 0.8, 1)


class Loop(unittest.TestCase):
    def test_muon_gives_a_matrix_with_equal_singular_values(self):
        torch.manual_seed(0)
        for shape in ((8, 8), (8, 32), (32, 8)):
            s = torch.linalg.svdvals(muon.orthogonal(torch.randn(shape)))
            self.assertTrue(bool(((s > 0.5) & (s < 1.4)).all()), s)

    def test_muon_moves_matrices_of_one_shape_as_it_moves_each(self):
        torch.manual_seed(0)
        shapes = [(24, 8), (24, 8), (8, 8), (8, 32), (32, 8)]  # the first two are three matrices each
        starts, gradients = ([torch.randn(shape) for shape in shapes] for _ in range(2))
        parameters = [torch.nn.Parameter(start.clone()) for start in starts]
        for p, gradient in zip(parameters, gradients):
            p.grad = gradient.clone()
        muon.Muon(parameters, lr=0.1).step()
        for p, start, gradient in zip(parameters, starts, gradients):
            # Nesterov's first step: g + 0.95 (0.05 g - g); its length does not matter.
            parts = gradient.chunk(3) if p.shape == (24, 8) else [gradient]
            moved = torch.cat([muon.orthogonal(g) * max(1, g.shape[0] / g.shape[1]) ** 0.5 for g in parts])
            torch.testing.assert_close(p.detach(), start * (1 - 0.1 * 0.01) - 0.1 * moved, rtol=1e-4, atol=1e-4)

    def test_schedule_and_budget(self):
        self.assertLess(loop.schedule(0, 0.1), 0.02)
        self.assertAlmostEqual(loop.schedule(0.1, 0.1), 1)
        self.assertAlmostEqual(loop.schedule(1, 0.1), 0)
        self.assertEqual(loop.progress(Budget(100, None, 1), 50, 1e9), 0.5)
        self.assertEqual(loop.progress(Budget(100, 10.0, 1), 50, 8.0), 0.8)
        self.assertEqual(loop.progress(Budget(100, 10.0, 1), 50, 2.0), 0.5)

    def train(self, folder: Path, stop: int | None = None) -> list[float]:
        torch.manual_seed(5)
        module = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 1))

        def loss_at(step: int):
            if step == stop:
                raise KeyboardInterrupt
            return (module(torch.randn(8, 4)) - 1).pow(2).mean()

        loop.train(folder, {"m": module}, lambda step: step, loss_at, Budget(12, None, 1e-2), TINY, 1, muon=module)
        return [float(x) for p in module.parameters() for x in p.flatten()]

    def test_muon_has_its_own_rate_in_a_budget(self):
        for rate in (0.0, 0.02):
            module = torch.nn.Linear(4, 4)
            before = {name: value.clone() for name, value in module.state_dict().items()}
            with tempfile.TemporaryDirectory() as folder:
                budget = Budget(3, None, 1e-2, muon=rate)
                loop.train(Path(folder) / "stage", {"m": module}, lambda step: step, lambda _: module(torch.ones(1, 4)).pow(2).sum(), budget, TINY, 1, muon=module)
            self.assertEqual(torch.equal(module.weight, before["weight"]), rate == 0)
            self.assertFalse(torch.equal(module.bias, before["bias"]))

    def test_interrupted_and_resumed_it_gives_the_same_bits(self):
        with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
            whole = self.train(Path(a) / "stage")
            for stop in (3, 4, 9):
                with self.assertRaises(KeyboardInterrupt):
                    self.train(Path(b) / "stage", stop)
            self.assertEqual(self.train(Path(b) / "stage"), whole)

    def test_batches_of_other_processes_are_the_same(self):
        made = lambda step: (step, np.full(3, step))
        for workers in (0, 2):
            coming = ahead(made, 5, 40, workers)
            self.assertEqual([next(coming)[1].tolist() for _ in range(20)], [[n] * 3 for n in range(5, 25)])

    def test_time_before_a_crash_counts(self):
        with tempfile.TemporaryDirectory() as folder:
            module = torch.nn.Linear(2, 1)
            steps = []

            def loss_at(step: int):
                steps.append(step)
                return module(torch.ones(1, 2)).sum()

            profile = replace(TINY, save_seconds=0.0)
            path = Path(folder) / "stage"
            loop.train(path, {"m": module}, lambda step: step, loss_at, Budget(3, None, 1e-2), profile, 1)
            state = torch.load(path / "state.pt", weights_only=True)
            state["elapsed"] = 99.0
            torch.save(state, path / "state.pt")
            note = loop.train(path, {"m": module}, lambda step: step, loss_at, Budget(1_000_000, 99.5, 1e-2), profile, 1)
            self.assertEqual(steps[:4], [0, 1, 2, 3])
            self.assertGreaterEqual(note["seconds"], 99.5)
            self.assertLess(note["steps"], 1_000_000)

    def test_a_loss_that_is_no_number_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            module = torch.nn.Linear(1, 1)
            with self.assertRaisesRegex(SystemExit, "stage: the loss of step 0 is nan"):
                loop.train(Path(folder) / "stage", {"m": module}, lambda step: step, lambda _: module.weight.sum() * float("nan"), Budget(3, None, 1.0), TINY, 1)


if __name__ == "__main__":
    unittest.main()
