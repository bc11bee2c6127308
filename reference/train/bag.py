"""
Beside a stage's own loss: a text's vector is to tell which words the text has (Ma et al. 2024, who pretrain for retrieval so). What is alike in
two sentences that differ in a name or in a number is easily learned; that they differ is what a small model forgets.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .model import Encoder, on
from .pack import Packed
from .profiles import Profile
from .vocab import SPECIAL


@dataclass(frozen=True)
class Bag:
    """Which entries are in which text, each once; special ones are left out."""

    text: np.ndarray  # int64 [K]
    entry: np.ndarray  # int64 [K]
    share: np.ndarray  # float32 [K]: one over the number of the text's entries


def bag_of(texts: Packed) -> Bag:
    lengths = np.diff(texts.starts)
    most = int(texts.ids.max(initial=0)) + 1
    pairs = np.unique(np.repeat(np.arange(len(lengths)), lengths) * most + texts.ids)
    text, entry = pairs // most, pairs % most
    kept = entry >= len(SPECIAL)
    text, entry = text[kept], entry[kept]
    share = 1 / np.bincount(text, minlength=len(lengths))[text]
    return Bag(text, entry, share.astype(np.float32))


def beside(loss: Tensor, encoder: Encoder, vectors: Tensor, bag: Bag, weight: float, profile: Profile) -> Tensor:
    """A stage's loss and, unless it is left out, the weighted one on words."""
    return loss if "bag" in profile.without else loss + weight * bag_loss(encoder, vectors, bag, profile.device)


def bag_loss(encoder: Encoder, vectors: Tensor, bag: Bag, device: str) -> Tensor:
    """Cross-entropy between the head's softmax over all entries and an equal share for each that the text has; mean over the texts.  [N,H]"""
    text, entry, share = (on(array, device) for array in (bag.text, bag.entry, bag.share))
    said = encoder.bag(vectors, encoder.words.weight).float()
    told = torch.logsumexp(said, -1).index_select(0, text) - said[text, entry]
    return (told * share).sum() / len(vectors)
