"""Stage: the student learns a larger teacher's similarities. Only where the profile has a teacher."""

from pathlib import Path

import torch
from torch import Tensor

from . import losses, prepare
from .contrast import dims_of
from .loop import train
from .model import embed
from .pack import Packed, end_to_end
from .run import Run
from .text import random_of


def distil(run: Run, encoder_of, teacher_of) -> None:
    profile = run.profile

    def work(folder: Path) -> dict:
        student, teacher, ids_of = encoder_of(), teacher_of(), prepare.ids_of(run)
        student.set_dropout(profile.dropout)
        texts = [text for text, _ in prepare.load(run).texts if 6 <= len(text) <= 100]
        labelled = [t for rows in prepare.load(run).sts.values() for row in rows for t in row[:2]]

        def batch_at(step: int) -> Packed:
            # A text and its neighbours in the file, often of one document, so that some of the batch are alike; and STS sentences.
            random = random_of(run.seed, "distil", step)
            size = min(profile.distil_batch, len(texts))
            batch = random.sample(texts, size // 4) + random.sample(labelled, min(len(labelled), size // 2))
            at = random.randrange(len(texts))
            batch = list(dict.fromkeys(batch + [texts[(at + i) % len(texts)] for i in range(size // 4)]))
            return end_to_end(ids_of(batch))

        def loss_of(ids: Packed) -> Tensor:
            with torch.no_grad():
                wanted = embed(teacher, ids, profile.device)
            v = embed(student, ids, profile.device)
            return losses.at_dims(lambda x: losses.alike(x, wanted, profile.rank_scale), *dims_of(profile, v.shape[1]), v)

        note = train(folder, {"encoder": student}, batch_at, loss_of, profile.distil, profile, run.seed)
        run.save_model("distil", student)
        return note

    run.stage("distil", work)
