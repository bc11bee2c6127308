"""Writes src/tokenizer/tables/*.ts: what the Rust `tokenizers` library does to every code point, found by asking it.

Nothing here is read from Python's own `unicodedata`: the library mixes tables of several Unicode versions (categories of Unicode 8 or
so, normalisation and lower case of newer ones), and only asking gives exactly its mixture.

    python unicode_tables.py            # rewrites the tables
    python unicode_tables.py --check    # fails where the committed tables differ
"""

import pathlib
import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "src" / "tokenizer" / "tables"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def bert(**on):
    return normalizers.BertNormalizer(
        **{"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False, **on}
    ).normalize_str


clean, chinese = bert(clean_text=True), bert(handle_chinese_chars=True)
strip, lower = bert(strip_accents=True), bert(lowercase=True)
nfd, nfc = normalizers.NFD().normalize_str, normalizers.NFC().normalize_str
split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str


def classes():
    dropped, spaces, isolated, white, punctuation = [], [], [], [], []
    for c in CODE_POINTS:
        x = chr(c)
        cleaned = clean("a" + x + "b")
        if cleaned == "ab":
            dropped.append(c)
        elif cleaned == "a b" and x != " ":
            spaces.append(c)
        else:
            assert cleaned == "a" + x + "b", c
        spaced = chinese("a" + x + "b")
        if spaced == f"a {x} b":
            isolated.append(c)
        else:
            assert spaced == "a" + x + "b", c
        words = [w for w, _ in split("a" + x + "b")]
        if words == ["a", "b"]:
            white.append(c)
        elif words == ["a", x, "b"]:
            punctuation.append(c)
        else:
            assert words == ["a" + x + "b"], c
    # What is mapped to a space would have separated words anyway, so one table of white space serves both.
    assert set(spaces) | {0x20} == set(white) - set(dropped), (set(spaces) ^ set(white))
    return dropped, white, isolated, punctuation


def lower_case():
    """code point -> code points, where they differ."""
    out = {}
    for c in CODE_POINTS:
        to = [ord(x) for x in lower(chr(c))]
        if to != [c]:
            out[c] = to
    return out


def decompositions():
    """code point -> (first, second or None, composes again) in one step; Hangul syllables are arithmetic and left out."""
    full = {}
    for c in CODE_POINTS:
        if 0xAC00 <= c <= 0xD7A3:
            s = c - 0xAC00
            parts = [0x1100 + s // 588, 0x1161 + s % 588 // 28] + ([0x11A7 + s % 28] if s % 28 else [])
            assert nfd(chr(c)) == "".join(map(chr, parts)) and nfc("".join(map(chr, parts))) == chr(c), c
            continue
        to = nfd(chr(c))
        if to != chr(c):
            full[c] = [ord(x) for x in to]
    steps = {}
    for c, parts in full.items():
        composes = nfc(chr(c)) == chr(c)
        if len(parts) == 1:
            assert not composes
            steps[c] = (parts[0], None, False)
            continue
        first = nfc("".join(map(chr, parts[:-1])))
        if len(first) == 1:
            steps[c] = (ord(first), parts[-1], composes)
        else:  # the first part is itself excluded from composition: find it among the decompositions
            again = [d for d, p in full.items() if p == parts[:-1]]
            assert len(again) == 1, (c, parts)
            steps[c] = (again[0], parts[-1], composes)
        assert not composes or nfc(chr(steps[c][0]) + chr(steps[c][1])) == chr(c), c

    def expand(c):
        if c not in steps:
            return [c]
        first, second, _ = steps[c]
        return expand(first) + ([] if second is None else expand(second))

    for c, parts in full.items():
        assert expand(c) == parts, c
    return steps


def combining():
    """code point -> rank of its combining class (1, 2, …) as far as order can tell; 0 (a starter) is left out."""
    below, above = "\u0334", "\u0345"  # classes 1 and 240, the ends of the scale
    assert nfd("a" + above + below) == "a" + below + above

    def swaps(x, y):
        return nfd("a" + x + y) == "a" + y + x

    marks = []
    for c in CODE_POINTS:
        x = chr(c)
        if 0xAC00 <= c <= 0xD7A3 or nfd(x) != x:
            continue
        if x in (below, above) or swaps(x, below) or swaps(above, x):
            marks.append(x)
    leaders = []  # one mark of every class, in order
    rank = {}
    for x in marks:
        after = [i for i, y in enumerate(leaders) if swaps(x, y)]  # class of y < class of x
        before = [i for i, y in enumerate(leaders) if swaps(y, x)]
        same = [i for i in range(len(leaders)) if i not in after and i not in before]
        assert len(same) <= 1
        if not same:
            leaders.insert(len(after), x)
    for x in marks:
        rank[ord(x)] = 1 + sum(swaps(x, y) for y in leaders if y != x)
    return rank


def nonspacing(steps):
    """Dropped by accent stripping."""
    out = []
    for c in CODE_POINTS:
        if c in steps or 0xAC00 <= c <= 0xD7A3:
            continue
        to = strip(chr(c))
        assert to in ("", chr(c)), c
        if to == "":
            out.append(c)
    return out


DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(n):
    if n < 0:
        return "-" + base36(-n)
    out = ""
    while True:
        n, d = divmod(n, 36)
        out = DIGITS[d] + out
        if n == 0:
            return out


def pack(numbers):
    return " ".join(base36(n) for n in numbers)


def ranges(points):
    """gap, length, gap, length, … ; a gap counts from the end of the range before."""
    out, end = [], 0
    i = 0
    points = sorted(points)
    while i < len(points):
        j = i
        while j + 1 < len(points) and points[j + 1] == points[j] + 1:
            j += 1
        out += [points[i] - end, j - i + 1]
        end = points[j] + 1
        i = j + 1
    return out


def runs(mapping):
    """gap, count, step, distance, …: `count` code points, `step` apart, each mapped to itself plus `distance`."""
    out, end = [], 0
    keys = sorted(mapping)
    i = 0
    while i < len(keys):
        distance = mapping[keys[i]] - keys[i]
        best = (1, 1)
        for step in (1, 2):
            j = 0
            while i + j + 1 < len(keys) and keys[i + j + 1] == keys[i + j] + step and mapping[keys[i + j + 1]] - keys[i + j + 1] == distance:
                j += 1
            if j + 1 > best[0]:
                best = (j + 1, step)
        count, step = best
        out += [keys[i] - end, count, step, distance]
        end = keys[i] + (count - 1) * step + 1
        i += count
    return out


def strips(steps):
    """gap, first, second for pairs that compose again; three lists, so that like numbers stand together and compress."""
    pairs = {c: s for c, s in steps.items() if s[1] is not None}
    singles = {c: s[0] for c, s in steps.items() if s[1] is None}
    pair_numbers, end = [], 0
    last_first = 0
    for c in sorted(pairs):
        first, second, composes = pairs[c]
        pair_numbers += [(c - end) * 2 + (0 if composes else 1), first - last_first, second]
        end, last_first = c + 1, first
    gaps, single_numbers, end = [], [], 0
    last = 0
    for c in sorted(singles):
        gaps.append(c - end)
        single_numbers.append(singles[c] - last)
        end, last = c + 1, singles[c]
    return pair_numbers, gaps + single_numbers


def ranked(rank):
    """gap, length, rank, …"""
    out, end, i = [], 0, 0
    keys = sorted(rank)
    while i < len(keys):
        j = i
        while j + 1 < len(keys) and keys[j + 1] == keys[j] + 1 and rank[keys[j + 1]] == rank[keys[i]]:
            j += 1
        out += [keys[i] - end, j - i + 1, rank[keys[i]]]
        end = keys[j] + 1
        i = j + 1
    return out


def module(why, constants):
    lines = [
        f"// Generated by reference/tokenizer/unicode_tables.py with tokenizers {tokenizers.__version__}; do not edit.",
        f"// {why}",
        "",
    ]
    for name, comment, numbers in constants:
        lines += [f"/** {comment} */", f"export const {name}: string =", f'  "{pack(numbers)}";', ""]
    return "\n".join(lines[:-1]) + "\n"


def main():
    dropped, white, isolated, punctuation = classes()
    lowered = lower_case()
    simple = {c: to[0] for c, to in lowered.items() if len(to) == 1}
    longer = {c: to for c, to in lowered.items() if len(to) > 1}
    steps = decompositions()
    pairs, singles = strips(steps)
    rank = combining()
    longer_numbers = []
    for c, to in longer.items():
        assert len(to) == 2
        longer_numbers += [c, *to]
    files = {
        "classes.ts": module(
            "Numbers are base 36. Ranges are gap, length; a gap counts from the end of the range before.",
            [
                ("DROPPED", "Removed when text is cleaned: control, format and private-use characters, U+0000, U+FFFD.", ranges(dropped)),
                ("WHITE", "White space: separates words.", ranges(white)),
                ("ISOLATED", "Ideographs that become words of their own.", ranges(isolated)),
                ("PUNCTUATION", "Punctuation: becomes a word of its own.", ranges(punctuation)),
            ],
        ),
        "lower.ts": module(
            "Numbers are base 36.",
            [
                ("LOWER", "gap, count, step, distance: `count` code points, `step` apart, each mapped to itself plus `distance`.", runs(simple)),
                ("LOWER_LONGER", "code point, and the two it becomes.", longer_numbers),
            ],
        ),
        "marks.ts": module(
            "Numbers are base 36; a gap counts from the code point (or the end of the range) before.",
            [
                ("PAIRS", "(gap · 2, plus 1 if the pair does not compose again), first (as difference), second: canonical decompositions in one step.", pairs),
                ("SINGLES", "gap; what it becomes (as difference): canonical decompositions to one code point; they never compose again. First all gaps, then all the others: gzip likes that.", singles),
                ("RANKS", "gap, length, rank: combining classes, renumbered from 1 in their order; all else is 0.", ranked(rank)),
                ("NONSPACING", "gap, length: marks that stripping accents removes.", ranges(nonspacing(steps))),
            ],
        ),
    }
    print({n: len(v) for n, v in {"dropped": dropped, "white": white, "isolated": isolated, "punctuation": punctuation, "lower": lowered, "longer": longer, "decompositions": steps, "marks": rank}.items()})
    FOLDER.mkdir(exist_ok=True)
    for name, text in files.items():
        if "--check" in sys.argv:
            assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name} differs: run this script without --check"
        else:
            (FOLDER / name).write_text(text, encoding="utf-8")


main()
