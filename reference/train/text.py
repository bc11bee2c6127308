"""What counts as the same text, what a text is cleaned of, and the numbers that everything random starts from."""

import hashlib
import random
import re
import unicodedata

SPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """NFC, one space between words, no control characters."""
    text = unicodedata.normalize("NFC", text.replace("\ufeff", ""))
    return SPACE.sub(" ", "".join(c if c.isprintable() else " " for c in text)).strip()


class Letters(dict):
    """For str.translate: punctuation, symbols, separators and controls to nothing. Filled as characters are met."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.category(chr(code))[0] in "PSZC" else code
        return self[code]


LETTERS = Letters()


def key(text: str) -> str:
    """Two texts with one key are one text: NFC, lower case, and no spaces, punctuation or symbols."""
    return unicodedata.normalize("NFC", text).lower().translate(LETTERS)


def seed_of(*parts: object) -> int:
    """A seed out of names and numbers, the same on every machine (Python's own `hash` is not)."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def random_of(*parts: object) -> random.Random:
    """A generator for one purpose. What step 700 draws does not depend on what step 699 drew, so resuming needs no state."""
    return random.Random(seed_of(*parts))
