"""Writes test/tokenizer/fixtures/code-points.json.gz: digests of what the Python library makes of every code point, and of pairs of marks.

    python code_points.py

The rules are those of test/tokenizer/code-points.ts: which code points are tokens, the modes, and the texts.
"""

import array
import gzip
import hashlib
import json
import pathlib
import unicodedata

import tokenizers
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordPiece

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "tokenizer" / "fixtures" / "code-points.json.gz"
RANGES = [(0x21, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x16FFF), (0x1B000, 0x1FFFF), (0x2F800, 0x2FA1D), (0xE0000, 0xE01FF)]
BLOCK = 1024

vocabulary = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])}
for first, last in RANGES:
    for c in range(first, last + 1):
        vocabulary[chr(c)] = len(vocabulary)
        vocabulary["##" + chr(c)] = len(vocabulary)


def bert(clean=True, chinese=True, strip=False, lower=False):
    return normalizers.BertNormalizer(clean_text=clean, handle_chinese_chars=chinese, strip_accents=strip, lowercase=lower)


MODES = {
    "cased": bert(),
    "uncased": bert(strip=True, lower=True),
    "lower": bert(lower=True),
    "strip": bert(strip=True),
    "nfc": normalizers.Sequence([normalizers.NFC(), bert()]),
    "bare": bert(clean=False, chinese=False),
}


def digest(numbers):
    values = array.array("i", numbers)
    return hashlib.sha256(values.tobytes()).hexdigest()[:8]


def utf16(text):
    at, out = 0, []
    for c in text:
        out.append(at)
        at += 2 if ord(c) > 0xFFFF else 1
    return out + [at]


def main():
    nfd = normalizers.NFD().normalize_str
    moving = [c for c in range(0x300, 0x20000) if not 0xD800 <= c < 0xE000 and nfd(chr(c)) == chr(c) and (nfd("a" + chr(c) + "\u0334") == "a\u0334" + chr(c) or nfd("a\u0345" + chr(c)) == "a" + chr(c) + "\u0345" or c in (0x334, 0x345))]
    still = [c for c in range(0x300, 0x20000) if unicodedata.category(chr(c)).startswith("M") and c not in set(moving)][::8]
    marks = sorted(moving + still)
    out = {"generator": "reference/tokenizer/code_points.py", "versions": {"tokenizers": tokenizers.__version__}, "marks": marks, "points": {}, "places": {}, "pairs": {}}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    for mode, normalizer in MODES.items():
        tokenizer.normalizer = normalizer
        points, places, pairs = [], [], []
        for start in range(0, 0x110000, BLOCK):
            block = [chr(c) for c in range(start, start + BLOCK) if not 0xD800 <= c < 0xE000]
            texts = [f"{x} 가{x}나 a{x}b" for x in block]
            ids, offsets = [], []
            for text, encoding in zip(texts, tokenizer.encode_batch(texts)):
                ids += [*encoding.ids, -1]
                at = utf16(text)
                for a, b in encoding.offsets:
                    offsets += [at[a], at[b]]
            points.append(digest(ids))
            places.append(digest(offsets))
        for x in marks:
            ids = []
            for y in marks:
                ids.append(f"a{chr(x)}{chr(y)}")
            encoding = tokenizer.encode(" ".join(ids))
            pairs.append(digest(encoding.ids))
        out["points"][mode] = "".join(points)
        out["places"][mode] = "".join(places)
        out["pairs"][mode] = "".join(pairs)
        print(mode, len(marks))
    OUT.write_bytes(gzip.compress(json.dumps(out, separators=(",", ":")).encode(), 9, mtime=0))


main()
