"""A whole run on the tiny profile: killed on its way and gone on with, it ends with the bytes of one that was not; and others can read it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from unittest import mock

import torch

from reference.train.files import read_json
from reference.train.pipeline import everything
from reference.train.profiles import MACHINE, TINY, Budget, profile_of
from reference.train.run import COMMON, Run, open_run, take
from reference.train.tests import sample_data

ROOT = Path(__file__).parents[3]
# Runs the command, and kills its own process, hard, before the n-th file of this process gets its name.
KILLED = """
import os, signal, sys
left, replace = int(sys.argv.pop(1)), os.replace
def dying(a, b):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(a, b)
os.replace = dying
from reference.train.__main__ import main
main()
"""


class WholeRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        sample_data.write(cls.folder / "data")
        cls.output = cls.start(cls, "whole").stdout

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def start(self, out: str, *more: str, before: list[str] | None = None) -> subprocess.CompletedProcess:
        command = [sys.executable, *(before or ["-m", "reference.train"])]
        command += ["--data", str(self.folder / "data"), "--out", str(self.folder / out), "--profile", "tiny", *more]
        return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=300)

    def bytes_of(self, out: str) -> dict[str, bytes]:
        folder = self.folder / out / "model"
        return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}

    def test_it_ends_with_a_model_figures_and_a_report(self):
        self.assertIn("model after", self.output)
        self.assertEqual(len(self.bytes_of("whole")), 8)
        rows = read_json(self.folder / "whole" / "figures.json")["rows"]
        stages = ["mlm", "contrast", "silver", "rank", "distil", "finish"]
        names = ["TF-IDF, whole string", "TF-IDF, inside words", "static", *(f"after {s}" for s in stages), "shipped, int8", "shipped, int8, 16 dimensions"]
        self.assertEqual(list(rows), names)
        told = read_json(self.folder / "whole" / "figures.json")["stages"]
        order = [name for name in told if name in ("mlm-first", "mlm", "contrast", "rank", "sibling-2/contrast", "sibling-2/rank", "distil", "finish")]
        self.assertEqual(order, ["mlm-first", "mlm", "contrast", "rank", "sibling-2/contrast", "sibling-2/rank", "distil", "finish"])
        self.assertEqual([told[f"sibling-2/{stage}"]["steps"] for stage in ("contrast", "rank")], [TINY.contrast.steps, TINY.rank.steps])
        self.assertIn("paraKQC groups in KLUE-STS dev", (self.folder / "whole" / "overlap.md").read_text())

    @unittest.skipIf(sys.platform == "win32", "no SIGKILL")
    def test_killed_and_gone_on_with_it_gives_the_same_bytes(self):
        kills = 0
        said = ""
        for n in (25, 40, 45, 50, 6, 10_000):
            run = self.start("killed", *(["--resume"] if kills else []), before=["-c", KILLED, str(n)])
            said += run.stdout
            if run.returncode == 0:
                break
            self.assertEqual(run.returncode, -signal.SIGKILL, run.stderr)
            kills += 1
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertGreaterEqual(kills, 2)
        self.assertIn("goes on from step", said)
        self.assertEqual(self.bytes_of("killed"), self.bytes_of("whole"))

    def test_another_seed_gives_another_model(self):
        run = self.start("seed", "--seed", "2", "--without", "static", "augsts", "distil", "finish")
        self.assertEqual(run.returncode, 0, run.stderr)
        a, b = self.bytes_of("whole"), self.bytes_of("seed")
        self.assertNotEqual(a["model.safetensors"], b["model.safetensors"])
        self.assertEqual(a["vocab.txt"], b["vocab.txt"])
        rows = read_json(self.folder / "seed" / "figures.json")["rows"]
        self.assertNotIn("after silver", rows)
        self.assertIn("after rank", rows)

    def test_another_seed_takes_the_masked_language_modelling_of_the_first(self):
        whole = self.folder / "whole"
        left_out = ["--without", "static", "augsts", "distil", "finish"]
        run = self.start("taken", "--seed", "2", "--pretrained", str(whole), *left_out)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn(" mlm-first\n", self.output)
        self.assertNotRegex(run.stdout, r" mlm(-first)?\n")
        of = lambda out, stage: (self.folder / out / "work" / stage / "model.pt").read_bytes()
        self.assertEqual(of("taken", "mlm"), of("whole", "mlm"))
        self.assertNotEqual(of("taken", "contrast"), of("whole", "contrast"))
        for stage in ("contrast", "rank"):  # a sibling is what a run with its seed is
            self.assertEqual(of("whole", f"sibling-2/work/{stage}"), of("taken", stage))
        figures = [read_json(self.folder / out / "figures.json") for out in ("whole", "taken")]
        self.assertEqual([f["pretrained"] for f in figures], [None, 1])
        again = self.start("taken", "--resume", "--seed", "2", *left_out)  # what was taken is here: nothing else is needed
        self.assertEqual(again.returncode, 0, again.stderr)

    def test_masked_language_modelling_goes_on_with_what_grew(self):
        begun = []

        def only_look(run, stage, encoder_of, budget, before=None):
            begun.append((stage, encoder_of(), budget))
            if stage == "mlm":
                raise KeyboardInterrupt

        run = Run(TINY, 1, self.folder / "data", self.folder / "whole")
        with mock.patch("reference.train.pipeline.pretrain", only_look), self.assertRaises(KeyboardInterrupt):
            everything(run)
        (first, small, budget), (second, big, longer) = begun
        self.assertEqual((first, second, budget, longer), ("mlm-first", "mlm", TINY.first_mlm, TINY.mlm))
        self.assertEqual((len(small.layers), len(big.layers)), (1, 2))
        steps = [read_json(run.folder(stage) / "done.json")["steps"] for stage in ("mlm-first", "mlm")]
        self.assertEqual(steps, [TINY.first_mlm.steps, TINY.mlm.steps])
        trained = run.model("mlm-first", TINY.first)
        self.assertTrue(torch.equal(big.words.weight, trained.words.weight))
        self.assertFalse(torch.equal(small.words.weight, trained.words.weight))
        for layer in big.layers:
            self.assertTrue(torch.equal(layer.up.weight, trained.layers[0].up.weight))

    def test_the_head_goes_on_with_the_model_that_grew(self):
        heads = []

        def only_look(folder, modules, *_, **__):
            heads.append({name: value.clone() for name, value in modules["head"].state_dict().items()})
            raise KeyboardInterrupt

        with tempfile.TemporaryDirectory() as folder:
            run = open_run(TINY, 1, self.folder / "data", Path(folder) / "again", False, self.folder / "whole")
            for stage in ("mlm", "mlm-first"):
                (run.folder(stage) / "done.json").unlink()
                with mock.patch("reference.train.mlm.train", only_look), redirect_stdout(StringIO()), self.assertRaises(KeyboardInterrupt):
                    everything(run)
            saved = torch.load(run.folder("mlm-first") / "head.pt", weights_only=True)
        grown, new = heads
        self.assertEqual(set(saved), set(grown))
        for name, value in saved.items():
            self.assertTrue(torch.equal(value, grown[name]), name)
        self.assertFalse(torch.equal(saved["bias"], new["bias"]))

    def test_what_is_taken_fits_and_is_whole(self):
        whole, data = self.folder / "whole", self.folder / "data"
        with tempfile.TemporaryDirectory() as folder:
            first, second = Path(folder) / "first", Path(folder) / "second"
            for profile, at, message in (
                (replace(TINY, dropout=0.5), whole, "other values of dropout"),
                (replace(TINY, without=("mlm",)), whole, "exclude one another"),
                (replace(TINY, without=("bag",)), whole, "both runs are --without bag or neither"),
                (TINY, second, "holds no run"),
            ):
                with self.assertRaisesRegex(SystemExit, message):
                    open_run(profile, 2, data, first, False, at)
            self.assertFalse(first.exists())
            copytree = shutil.copytree

            def stopped(a, b):
                if a.name == "mlm":
                    raise KeyboardInterrupt
                copytree(a, b)

            with mock.patch("shutil.copytree", stopped), self.assertRaises(KeyboardInterrupt):
                open_run(TINY, 2, data, first, False, whole)
            self.assertFalse((first / "work").exists())
            second.mkdir()
            take(whole, {"profile": {"first": None}}, second)  # a profile without it has no first half to take
            self.assertEqual({path.name for path in (second / "work").iterdir()}, {*COMMON, "settings.json"} - {"mlm-first"})
            shutil.rmtree(second)
            with mock.patch("reference.train.run.COMMON", (*COMMON, "lost")), self.assertRaisesRegex(SystemExit, "lacks work/lost/done.json: "):
                open_run(TINY, 2, data, first, False, whole)
            shutil.copytree(whole, Path(folder) / "other", ignore=lambda at, names: ["overlap.md"])
            with self.assertRaisesRegex(SystemExit, "lacks overlap.md: "):
                open_run(TINY, 2, data, first, False, Path(folder) / "other")
            self.assertFalse((first / "work").exists())
            open_run(TINY, 2, data, first, False, whole)
            open_run(TINY, 3, data, second, False, first)
            self.assertEqual(read_json(second / "work" / "settings.json")["pretrained"], 1)  # not 2, which had it of 1
            open_run(TINY, 3, data, second, True, whole)
            with self.assertRaisesRegex(SystemExit, "took nothing from"):
                open_run(TINY, 1, data, whole, True, first)

    def test_without_a_cross_encoder_there_is_no_augmented_sbert(self):
        profile = replace(TINY, cross=None, silver=None, without=("static", "distil", "contrast", "rank"))
        run = open_run(profile, 1, self.folder / "data", self.folder / "plain", False)
        with redirect_stdout(StringIO()):
            everything(run)
        self.assertEqual({stage for stage in ("cross", "mine", "label", "silver", "finish") if run.did(stage)}, {"finish"})

    def test_siblings_have_the_next_seeds(self):
        def seeds_of(**changes) -> list[int]:
            run, seeds = Run(replace(TINY, **changes), 1, self.folder / "data", self.folder / "whole"), []
            with mock.patch("reference.train.pipeline.sibling", lambda run, seed, encoder_of: seeds.append(seed)), redirect_stdout(StringIO()):
                everything(run)  # all its stages are done
            return seeds

        self.assertEqual(seeds_of(siblings=3), [2, 3, 4])
        for changes in ({"siblings": 0}, {"without": ("distil",)}, {"without": ("rank",)}, {"without": ("contrast",)}):
            self.assertEqual(seeds_of(**changes), [], changes)

    def test_by_steps_no_seconds_count(self):
        budgets = lambda profile: [value for value in vars(profile).values() if isinstance(value, Budget)]
        self.assertTrue(any(budget.seconds for budget in budgets(profile_of("cpu"))))
        for with_seconds, without in zip(budgets(profile_of("cpu")), budgets(profile_of("cpu", seconds=False)), strict=True):
            self.assertEqual(without, replace(with_seconds, seconds=None))
        # On the command line: a run by steps is gone on with by steps only, and comes as far as the data, of which there are none.
        open_run(profile_of("cpu", seconds=False), 1, self.folder, self.folder / "steps", False)
        for more, message in (([], "another profile or seed"), (["--by-steps"], "is missing: --data")):
            run = self.start("steps", "--resume", "--profile", "cpu", "--data", "nowhere", *more)
            self.assertIn(message, run.stderr)

    def test_a_run_may_go_on_on_another_machine(self):
        settings = read_json(self.folder / "whole" / "work" / "settings.json")["profile"]
        self.assertEqual({"device", "threads", "workers"} & set(settings), set())
        there, here = profile_of("gpu"), profile_of("gpu", device="cpu")
        self.assertEqual((there.device, here.device, here.workers), ("cuda", "cpu", 0))
        differ = {name for name, value in there.describe().items() if value != here.describe()[name]}
        self.assertLessEqual(differ, set(MACHINE))
        with tempfile.TemporaryDirectory() as folder:
            begun = open_run(there, 1, Path(folder), Path(folder), False)
            self.assertEqual(open_run(here, 1, Path(folder), Path(folder), True).folder("mlm"), begun.folder("mlm"))

    def test_a_wrong_data_folder_is_refused_and_leaves_nothing(self):
        run = self.start("wrong", "--data", "nowhere")
        self.assertEqual(run.returncode, 1)
        self.assertIn("nowhere/klue-sts/train.tsv is missing: --data", run.stderr)
        self.assertFalse((self.folder / "wrong").exists())

    def test_a_folder_in_use_is_refused(self):
        for more, message in (([], "add --resume"), (["--resume", "--seed", "9"], "another profile or seed")):
            run = self.start("whole", *more)
            self.assertEqual(run.returncode, 1)
            self.assertIn(message, run.stderr)

    def test_sentence_transformers_reads_it_and_gives_the_same_vectors(self):
        import numpy as np
        import torch
        from sentence_transformers import SentenceTransformer

        from reference.train.evaluate.figures import vectors
        from reference.train.export import round_to
        from reference.train.run import Run

        texts = ["오늘은 학교에 갑니다.", "민수는 공원에서 빵을 먹었다", "사과를 샀어요! 그리고 편지를 " * 9]
        run = Run(TINY, 1, self.folder / "data", self.folder / "whole")
        encoder = run.model("finish", TINY.shape)
        round_to(encoder, torch.float16)
        ours = vectors(run, encoder)(texts)
        model = SentenceTransformer(str(self.folder / "whole" / "model"), device="cpu", model_kwargs={"dtype": torch.float32})
        model.max_seq_length = TINY.longest
        theirs = model.encode(texts, normalize_embeddings=True)
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


if __name__ == "__main__":
    os.chdir(ROOT)
    unittest.main()
