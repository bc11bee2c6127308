"""Writes test/tokenizer/fixtures/sample.json.gz: our generated texts, and what the Python library makes of them.

    npx tsx reference/tokenizer/inputs.ts inputs.json
    python reference/tokenizer/expected.py inputs.json
"""

import gzip
import hashlib
import json
import pathlib
import sys
import tempfile

import tokenizers
import transformers
from tokenizers import Tokenizer, normalizers
from transformers import AutoTokenizer

OUT = pathlib.Path(__file__).resolve().parents[2] / "test" / "tokenizer" / "fixtures" / "sample.json.gz"




def replace_halves(text):
    return "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in text)


def utf16(text):
    """UTF-16 index of every code point, and the end."""
    at, out = 0, []
    for c in text:
        out.append(at)
        at += 2 if ord(c) > 0xFFFF else 1
    return out + [at]


def load(configuration):
    files = configuration["files"]
    if configuration["alone"]:
        backend = Tokenizer.from_str(files["tokenizer.json"])
    else:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {"config.json": '{"model_type":"bert"}', **files}.items():
                with open(pathlib.Path(folder) / name, "w", encoding="utf-8", newline="") as f:
                    f.write(text)
            backend = AutoTokenizer.from_pretrained(folder)._tokenizer
    backend.no_truncation()
    backend.no_padding()
    options = configuration["options"]
    if options.get("lowerCase"):  # as sentence_transformers/base/modules/transformer.py
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), backend.normalizer])
    if options.get("normalize") == "NFC":
        backend.normalizer = normalizers.Sequence([normalizers.NFC(), backend.normalizer])
    if options.get("specialTokens") is False:
        backend.encode_special_tokens = True
    return backend


def ask(backend, question):
    text = replace_halves(question["text"])
    options = question["options"]
    pair = replace_halves(options["pair"]) if "pair" in options else None
    add = options.get("addSpecialTokens", True)
    whole = backend.encode(text, pair, add_special_tokens=add)
    got = whole
    if "maxLength" in options:
        backend.enable_truncation(options["maxLength"])
        got = backend.encode(text, pair, add_special_tokens=add)
        backend.no_truncation()
    places = [utf16(text), utf16(pair or "")]
    offsets = []
    for (start, end), sequence in zip(got.offsets, got.sequence_ids):
        offsets.append([0, 0] if sequence is None else [places[sequence][start], places[sequence][end]])
    rest = [got.tokens, offsets, got.type_ids, len(whole.ids) > len(got.ids)]
    digest = hashlib.sha256(json.dumps(rest, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()[:8]
    return got.ids, digest


def main():
    inputs = json.load(open(sys.argv[1], encoding="utf-8"))
    out = {
        "generator": "reference/tokenizer/inputs.ts and expected.py",
        "versions": {"tokenizers": tokenizers.__version__, "transformers": transformers.__version__, "python": sys.version.split()[0]},
        "vocabulary": hashlib.sha256("\n".join(inputs["vocabulary"]).encode()).hexdigest(),
        "configurations": [],
    }
    for configuration in inputs["configurations"]:
        backend = load(configuration)
        answers = [ask(backend, question) for question in configuration["questions"]]
        out["configurations"].append(
            {
                "name": configuration["name"],
                "texts": [q["text"] for q in configuration["questions"]],
                "options": [q["options"] for q in configuration["questions"]],

                "ids": [ids for ids, _ in answers],
                "rest": [digest for _, digest in answers],
            }
        )
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(gzip.compress(json.dumps(out, separators=(",", ":")).encode(), 9, mtime=0))
    print(OUT.stat().st_size, sum(len(c["texts"]) for c in out["configurations"]))


main()
