"""BERT in plain PyTorch. The engine's other oracle is transformers; a test holds this file against it."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import quant
from .pack import Packed, end_to_end
from .profiles import Shape
from .quant import Product


class Layer(nn.Module):
    def __init__(self, shape: Shape, dropout: float):
        super().__init__()
        self.heads = shape.heads
        self.qkv = Product(shape.hidden, 3 * shape.hidden)
        self.out = Product(shape.hidden, shape.hidden)
        self.norm1 = nn.LayerNorm(shape.hidden, eps=1e-12)
        self.up = Product(shape.hidden, shape.wide)
        self.down = Product(shape.wide, shape.hidden)
        self.norm2 = nn.LayerNorm(shape.hidden, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:  # [B,L,H] -> [B,L,H]
        B, L, H = x.shape
        q, k, v = self.qkv(x).view(B, L, 3, self.heads, H // self.heads).permute(2, 0, 3, 1, 4)
        context = attend(q, k, v, mask, self.dropout.p if self.training else 0.0)
        x = self.norm1(x + self.dropout(self.out(context.transpose(1, 2).reshape(B, L, H))))
        return self.norm2(x + self.dropout(self.down(F.gelu(self.up(x)))))


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
    """[B,A,L,D] queries, keys and values of A heads, and a bool mask that broadcasts to [B,A,L,L] -> [B,A,L,D]."""
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
    # On a CPU, the backward pass of PyTorch's own takes ten times as long as this for rows of 12 to 24 tokens: a fifth of all the training.
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return F.dropout(scores.softmax(-1), dropout) @ v


class Encoder(nn.Module):
    """Ids to hidden states. With no layers: word vectors and nothing else."""

    def __init__(self, entries: int, shape: Shape, dropout: float = 0.0):
        super().__init__()
        self.shape = shape
        self.fake = False  # whether the word table is rounded as the engine's int8 does
        self.words = nn.Embedding(entries, shape.hidden)
        self.positions = nn.Embedding(shape.positions, shape.hidden)
        self.types = nn.Embedding(2, shape.hidden)
        self.norm = nn.LayerNorm(shape.hidden, eps=1e-12)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(shape, dropout) for _ in range(shape.layers))
        self.bag = Head(entries, shape.hidden)  # which words a text has, out of its vector; for training alone
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, ids: Tensor, mask: Tensor | None = None, types: Tensor | None = None, places: Tensor | None = None) -> Tensor:
        """
        [B,L] ids, [B,L] types (None: zeros), [B,L] places (None: 0 to L - 1) -> [B,L,H].  mask: bool, None where there is no padding; [B,L] which
        tokens are there, or [B,L,L] which see which.
        """
        words = F.embedding(ids, quant.rows(self.words.weight) if self.fake else self.words.weight)
        if not self.layers:
            return words
        x = words + (self.positions.weight[: ids.shape[1]] if places is None else self.positions(places))
        x = x + (self.types.weight[0] if types is None else self.types(types))
        x = self.dropout(self.norm(x))
        seen = None if mask is None else mask[:, None, None, :] if mask.ndim == 2 else mask[:, None]
        for layer in self.layers:
            x = layer(x, seen)
        return x

    def set_dropout(self, rate: float) -> None:
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = rate

    def set_fake(self, on: bool) -> None:
        """Whether the four products of a layer, and the word table, are computed with the engine's whole numbers."""
        self.fake = on
        for module in self.modules():
            if isinstance(module, Product):
                module.fake = on


def mean(hidden: Tensor, mask: Tensor | None) -> Tensor:
    """[B,L,H] -> [B,H]: over the tokens that are there, [CLS] and [SEP] among them."""
    if mask is None:
        return hidden.float().mean(1)
    weight = mask.unsqueeze(-1).float()
    return (hidden.float() * weight).sum(1) / weight.sum(1)


def on(array: np.ndarray, device: str) -> Tensor:
    """A numpy array as a tensor there. A GPU takes it while it computes."""
    tensor = torch.from_numpy(array)
    return tensor if device == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


def pad(texts: Packed, which: np.ndarray, device: str) -> tuple[Tensor, Tensor | None]:
    """Some of the texts, of different lengths, as [B,L] ids and a mask; no mask where they are all as long."""
    starts, lengths = texts.starts[which], np.diff(texts.starts)[which]
    places = np.arange(lengths.max())
    there = places < lengths[:, None]
    out = np.where(there, texts.ids[np.minimum(starts[:, None] + places, len(texts.ids) - 1)], 0).astype(np.int64)
    return on(out, device), None if there.all() else on(there, device)


def into_rows(lengths: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray]:
    """A row and a first place for each text, several in a row of `room` tokens: the longest that still fits comes next."""
    waiting: list[list[int]] = [[] for _ in range(room + 1)]
    for i in range(len(lengths) - 1, -1, -1):
        waiting[lengths[i]].append(i)
    row, first = np.zeros(len(lengths), np.int64), np.zeros(len(lengths), np.int64)
    rows, left, length = 0, room, room
    for _ in range(len(lengths)):
        length = min(length, left)
        while length and not waiting[length]:
            length -= 1
        if not length:
            rows, left, length = rows + 1, room, room
            while not waiting[length]:
                length -= 1
        i = waiting[length].pop()
        row[i], first[i] = rows, room - left
        left -= length
    return row, first


def embed(encoder: Encoder, texts: Packed, device: str) -> Tensor:
    """
    Sentence vectors [N,H] in the order of the texts. Padded to the longest, much of a batch would be padding: so rows hold several texts, and
    a token sees those of its own text. At most 64 rows at a time on a CPU, whose caches are small.
    """
    lengths = np.diff(texts.starts)
    room = max(64, int(lengths.max()))
    row, first = into_rows(lengths, room)
    if device == "cpu" and row.max() >= 64:
        parts = [np.flatnonzero(row // 64 == n) for n in range(row.max() // 64 + 1)]
        back = torch.from_numpy(np.argsort(np.concatenate(parts)))
        return torch.cat([embed(encoder, take(texts, part), device) for part in parts])[back]
    text = np.repeat(np.arange(len(lengths)), lengths)  # of each token
    place = np.arange(len(texts.ids)) - np.repeat(texts.starts[:-1], lengths)  # in its text
    at = row[text] * room + first[text] + place
    ids, owner, places = np.zeros((row.max() + 1) * room, np.int64), np.full((row.max() + 1) * room, -1), np.zeros((row.max() + 1) * room, np.int64)
    ids[at], owner[at], places[at] = texts.ids, text, place
    ids, owner, places = (on(x.reshape(-1, room), device) for x in (ids, owner, places))
    hidden = encoder(ids, owner[:, :, None] == owner[:, None, :], places=places)
    tokens = hidden.flatten(0, 1).index_select(0, on(at, device)).float()
    return torch.segment_reduce(tokens, "mean", lengths=on(lengths, device), axis=0)


def take(texts: Packed, which: np.ndarray) -> Packed:
    return end_to_end([texts.ids[texts.starts[i] : texts.starts[i + 1]] for i in which])


class Head(nn.Module):
    """Hidden states, or vectors of texts, to entries; the table is the encoder's own."""

    def __init__(self, entries: int, hidden: int):
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(entries))
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        return F.linear(self.norm(F.gelu(self.dense(x))), words, self.bias)


class Cross(nn.Module):
    """Reads two sentences at once: a score from 0 to 1 (as a logit), and entailment / neutral / contradiction."""

    def __init__(self, encoder: Encoder):
        super().__init__()
        self.encoder = encoder
        H = encoder.shape.hidden
        self.join = nn.Linear(4 * H, H)
        self.score = nn.Linear(H, 1)
        self.relation = nn.Linear(H, 3)
        self.dropout = nn.Dropout(0.1)
        for linear in (self.join, self.score, self.relation):
            nn.init.normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)

    def forward(self, ids: Tensor, mask: Tensor | None, types: Tensor) -> tuple[Tensor, Tensor]:  # -> [B], [B,3]
        hidden = self.encoder(ids, mask, types).float()
        there = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask
        a, b = (mean(hidden, there & (types == side)) for side in (0, 1))
        x = self.dropout(F.gelu(self.join(torch.cat([a, b, (a - b).abs(), a * b], -1))))
        return self.score(x).squeeze(-1), self.relation(x)
