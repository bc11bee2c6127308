"""The vocabulary: WordPiece, cased, trained on the training text; and texts as ids."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers  # noqa: E402

from .files import written  # noqa: E402

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)


def train(texts, size: int, alphabet: int) -> list[str]:
    """
    The entries in the order of their ids. The trainer breaks ties by the ids of the pieces, and gives single characters their ids in the order
    of a hash map, which is another one in every process: so all of them are handed to it in an order of ours, as if they were special.
    """
    tokenizer = pipeline(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    texts = list(texts)
    first, later = Counter(), Counter()
    for text in texts:
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)):
            first[word[0]] += 1
            later.update(word[1:])
    counts = first + later
    kept = sorted(sorted(counts, key=lambda c: (-counts[c], c))[:alphabet])
    single = kept + [f"##{c}" for c in kept if later[c]]
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=2,
        initial_alphabet=kept,
        limit_alphabet=len(kept),
        special_tokens=SPECIAL + single,
        continuing_subword_prefix="##",
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def pipeline(model) -> Tokenizer:
    """BERT's tokenizer, cased: what `tokenizer_config.json` of the exported folder says, and the engine does."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer


def load(path: Path) -> Tokenizer:
    entries = path.read_text(encoding="utf-8").splitlines()
    ids = {entry: i for i, entry in enumerate(entries)}
    tokenizer = pipeline(models.WordPiece(vocab=ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", SEP), ("[CLS]", CLS))
    return tokenizer


def save(entries: list[str], path: Path) -> None:
    with written(path) as to:
        to.write_text("\n".join(entries) + "\n", encoding="utf-8")


def ids_of(tokenizer: Tokenizer, texts: list[str], longest: int) -> list[np.ndarray]:
    """[CLS] text [SEP] for each, cut to `longest` tokens in all as BERT cuts: [SEP] stays."""
    out = []
    for encoding in tokenizer.encode_batch_fast(texts):
        ids = np.array(encoding.ids, dtype=np.int32)
        if len(ids) > longest:
            ids = np.append(ids[: longest - 1], SEP).astype(np.int32)
        out.append(ids)
    return out


IdsOf = Callable[[list[str]], list[np.ndarray]]


def remembering(tokenizer: Tokenizer, longest: int, most: int = 400_000) -> IdsOf:
    """`ids_of` that keeps what it has seen: the stages meet the labelled sentences many times."""
    kept: dict[str, np.ndarray] = {}

    def of(texts: list[str]) -> list[np.ndarray]:
        new = [text for text in dict.fromkeys(texts) if text not in kept]
        fresh = dict(zip(new, ids_of(tokenizer, new, longest)))
        if len(kept) < most:
            kept.update(fresh)
        return [fresh[text] if text in fresh else kept[text] for text in texts]

    return of
