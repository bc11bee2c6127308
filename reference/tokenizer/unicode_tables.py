"""Writes src/tokenizer/tables/*.ts: what the Rust `tokenizers` library does to every code point, found by asking it.

The library mixes tables of several Unicode versions (categories of Unicode 8 or so, decompositions of 9, lower case of 17), and only
asking gives exactly its mixture. Python's own `unicodedata` (Unicode 14) serves for one thing: decompositions and lower case of a
character never change once it is assigned, so a JavaScript engine can be asked for them, as long as it is asked about no character that
is younger than the library's tables. Which ones those are is written down as ranges, which may run over characters in between that have
neither: an assigned one without stays without.

    python unicode_tables.py            # rewrites the tables
    python unicode_tables.py --check    # fails where the committed tables differ
"""

import json
import pathlib
import sys
import unicodedata

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


def pack(numbers):
    """Base 26: a small letter ends a number, signs from "(" on stand before it. Of several ways the smallest, gzipped among code."""
    out = ""
    for n in numbers:
        assert n >= 0
        n, digit = divmod(n, 26)
        word = chr(ord("a") + digit)
        while n > 0:
            n, digit = divmod(n, 26)
            word = chr(ord("(") + digit) + word
        out += word
    return out


def signed(n):
    """0, -1, 1, -2, 2, … as 0, 1, 2, 3, 4, …"""
    return 2 * n if n >= 0 else -2 * n - 1


def checksum(value):
    """Of the value's JSON; `checksum` in src/tokenizer/unpack.ts is the same."""
    total = 0
    for letter in json.dumps(value, separators=(",", ":")):
        total = (total * 31 + ord(letter)) & 0xFFFFFFFF
    return total - 2**32 if total >= 2**31 else total


def with_gaps(points, harmless):
    """`points`, and what lies between two of them near each other if all of it is harmless: fewer, longer ranges."""
    out, points = [], sorted(points)
    for c, following in zip(points, points[1:] + [0x200000]):
        between = range(c + 1, following)
        out += [c, *(between if len(between) <= 256 and all(map(harmless, between)) else [])]
    return out


def in_class_order(rank, asked):
    """[code point, rank], …, in canonical order; of one class in the order in which they are asked about."""
    marks = [c for c in asked if c in rank]
    return [[c, rank[c]] for c in sorted(marks, key=lambda c: rank[c])]


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
        out += [keys[i] - end, count, step, signed(distance)]
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
        pair_numbers += [(c - end) * 2 + (0 if composes else 1), signed(first - last_first), second]
        end, last_first = c + 1, first
    gaps, single_numbers, end = [], [], 0
    last = 0
    for c in sorted(singles):
        gaps.append(c - end)
        single_numbers.append(signed(singles[c] - last))
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


def module(constants):
    lines = [f"// Generated by reference/tokenizer/unicode_tables.py with tokenizers {tokenizers.__version__}; do not edit. How to read it: ../unpack.ts", ""]
    for name, comment, value in constants:
        lines.append(f"/** {comment} */")
        if isinstance(value, int):
            lines += [f"export const {name}: number = {value};", ""]
        elif len(pack(value)) < 80:
            lines += [f'export const {name}: string = "{pack(value)}";', ""]
        else:
            lines += [f"export const {name}: string =", f'  "{pack(value)}";', ""]
    return "\n".join(lines[:-1]) + "\n"


def assigned(c):
    return unicodedata.category(chr(c)) != "Cn"


def decompositions_asked(steps, rank, marks):
    """Ranges to ask an engine about beside the nonspacing marks, and the checksum of its answers."""
    def harmless(c):
        return c in marks or (
            c not in steps and c not in rank and assigned(c) and unicodedata.normalize("NFD", chr(c)) == chr(c) and not unicodedata.combining(chr(c))
        )

    asked = with_gaps(set(steps) | (set(rank) - marks), harmless)
    in_order = list(dict.fromkeys([*asked, *sorted(marks)]))
    decomposed = [[c, [ord(x) for x in nfd(chr(c))]] for c in in_order if c in steps]
    composed = [[steps[c][0] * 0x110000 + steps[c][1], c] for c in in_order if c in steps and steps[c][2]]
    return asked, checksum([decomposed, composed, in_class_order(rank, in_order)])


def lower_case_asked(lowered):
    """Ranges to ask an engine about, what is too young to ask about, and the checksum of the answers."""
    young = {c for c, to in lowered.items() if not assigned(c) or [ord(x) for x in chr(c).lower()] != to}
    asked = with_gaps(set(lowered) - young, lambda c: c not in lowered and assigned(c) and chr(c).lower() == chr(c))
    answers = [[c, lowered[c]] for c in asked if c in lowered]
    return asked, {c: lowered[c][0] for c in young}, checksum(answers)


def main():
    dropped, white, isolated, punctuation = classes()
    lowered = lower_case()
    simple = {c: to[0] for c, to in lowered.items() if len(to) == 1}
    longer_numbers = []
    for c, to in lowered.items():
        if len(to) > 1:
            assert len(to) == 2
            longer_numbers += [c, *to]
    steps = decompositions()
    pairs, singles = strips(steps)
    rank = combining()
    marks = set(nonspacing(steps))
    decomposable, marks_sum = decompositions_asked(steps, rank, marks)
    cased, young, lower_sum = lower_case_asked(lowered)
    files = {
        "classes.ts": module(
            [
                ("DROPPED", "Ranges: removed when text is cleaned: control, format and private-use characters, U+0000, U+FFFD.", ranges(dropped)),
                ("WHITE", "Ranges: white space, which separates words.", ranges(white)),
                ("ISOLATED", "Ranges: ideographs that become words of their own.", ranges(isolated)),
                ("PUNCTUATION", "Ranges: punctuation, which becomes a word of its own.", ranges(punctuation)),
            ],
        ),
        "marks.ts": module(
            [
                ("NONSPACING", "Ranges: marks that stripping accents removes.", ranges(marks)),
                ("DECOMPOSABLE", "Ranges that hold every other character which has a decomposition or a combining class.", ranges(decomposable)),
                ("MARKS_SUM", "Checksum of what an engine answers about both.", marks_sum),
            ],
        ),
        "lower.ts": module(
            [
                ("CASED", "Ranges that hold every character which has a lower case, but those below.", ranges(cased)),
                ("YOUNG", "Runs: characters younger than some engines, and their lower case.", runs(young)),
                ("LOWER_SUM", "Checksum of what an engine answers about CASED.", lower_sum),
            ],
        ),
        "full.ts": module(
            [
                ("LOWER", "Runs: all characters whose lower case is one character.", runs(simple)),
                ("LOWER_LONGER", "Code point, and the two it becomes.", longer_numbers),
                ("PAIRS", "(gap · 2, plus 1 if the pair does not compose again), first (as signed difference), second: canonical decompositions in one step.", pairs),
                ("SINGLES", "All gaps, then what each becomes (as signed difference): canonical decompositions to one code point; they never compose again.", singles),
                ("RANKS", "gap, length, rank: combining classes, renumbered from 1 in their order; all else is 0.", ranked(rank)),
            ],
        ),
    }
    print({n: len(v) for n, v in {"dropped": dropped, "white": white, "isolated": isolated, "punctuation": punctuation, "lower": lowered, "young": young, "longer": longer_numbers, "decompositions": steps, "marks": rank}.items()})
    FOLDER.mkdir(exist_ok=True)
    for name, text in files.items():
        if "--check" in sys.argv:
            assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name} differs: run this script without --check"
        else:
            (FOLDER / name).write_text(text, encoding="utf-8")


main()
