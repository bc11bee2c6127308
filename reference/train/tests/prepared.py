"""What tests of single stages start from: a small data folder, and the stages before training done on it, once for a class."""

import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

from reference.train import prepare
from reference.train.profiles import TINY
from reference.train.run import Run
from reference.train.tests import sample_data


class Prepared(unittest.TestCase):
    stages = (prepare.data, prepare.vocabulary, prepare.sequences, prepare.word_vectors, prepare.negations)

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        sample_data.write(Path(cls.temporary.name) / "data")
        for stage in cls.stages:
            stage(cls.run_of())

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def run_of(cls, **changes) -> Run:
        """The tiny profile with some values changed, seed 1."""
        folder = Path(cls.temporary.name)
        return Run(replace(TINY, **changes), 1, folder / "data", folder / "out")
