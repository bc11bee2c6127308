"""Vocabularies and texts of the golden models, all of them ours (the first three sentences are the KR-SBERT model card's)."""

import string

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# The order of the KLUE family's vocabularies: other ids, and a padding id that is not 0.
KLUE_SPECIAL = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]

KOREAN = """잠 졸음 기차 옵 바람 바다 우리 분 하나 둘 셋 넷 다섯 가운데 있는 글 눈 비 산 강 길 집 밤 낮 별 달 해 나무 새 물
##이 ##가 ##니다 ##은 ##는 ##을 ##를 ##에 ##로 ##다 ##의 ##도 ##까지 ##부터 ##하 ##고 ##습 ##ㅋ ㅋ 년 ##년 월 ##월 일 ##일 안 갑""".split()
LATIN = """the train arrives at noon and cafe naive sea wind snow river night star words it rains again
##s ##ing ##ed ##er ##ly ##ness""".split()
CAPITALS = "The Train Noon Seoul".split()
MARKS = list(".,!?-'\"()#:") + ["##.", "é", "##é", "ï", "##ï", "漢", "字", "か", "##な", "😀", "👍", "##🏽"]


def jamo():
    """The conjoining jamo that a lower-casing BERT takes Hangul apart into."""
    letters = [chr(c) for r in (range(0x1100, 0x1113), range(0x1161, 0x1176), range(0x11A8, 0x11C3)) for c in r]
    return [p + c for c in letters for p in (("", "##") if ord(c) < 0x1113 else ("##",))]


def letters(alphabet):
    return [p + c for c in alphabet for p in ("", "##")]


def cased(special=SPECIAL):
    return special + KOREAN + LATIN + CAPITALS + MARKS + letters(string.digits + string.ascii_lowercase) + list(string.ascii_uppercase)


def uncased():
    return SPECIAL + LATIN + MARKS + letters(string.digits + string.ascii_lowercase) + jamo()


def numbered(count):
    """A vocabulary for seeded models: the word `t17` is token 17, so that token ids can be written as text."""
    return SPECIAL + [f"t{i}" for i in range(len(SPECIAL), count)]


CARD = ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다"]
MIXED = "The train arrives at noon, 우리는 바다로 갑니다."
MARKED = "[PAD] 가운데 [PAD] 있는 글 [MASK]"
EMOJI = "바람이 분다 😀 👍🏽 café"
LONG = "하나 둘 셋 넷 다섯 밤까지 눈은 산에, 비는 강에, the river rains again and again: 2026년 11월 23일 (별도 달도 해도)"
TEXTS = [*CARD, MIXED, "", EMOJI, MARKED, LONG]
FEW = [CARD[0], MIXED, "", LONG]
