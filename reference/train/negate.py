"""
The opposite of a Korean sentence, by rules about its last predicate: 갑니다 -> 안 갑니다, 가지 않습니다; 있다 -> 없다; 학생이다 -> 학생이 아니다.
No dictionary and no tagger: where the rules are not sure, there is no answer. Of a million sentences that leaves enough.
"""

import re

BASE, FINALS = 0xAC00, " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
END = re.compile(r"^(.*?)([.!?~…\s]*)$", re.S)
NOT_SHORT = ("아름답", "새롭")  # 안 is not said before these
NEVER = ("아니", "않", "못", "말", "모르", "몰", "없", "마라", "그렇", "이렇", "어떻", "안녕", "같")
VOWEL_STEMS = "가오보주되시우쓰크싸리르기지치내자타추"
LONG = (  # what 하다 verbs end in, plain and negated
    ("했습니다", "하지 않았습니다"), ("했어요", "하지 않았어요"), ("했다", "하지 않았다"), ("했네요", "하지 않았네요"),
    ("합니다", "하지 않습니다"), ("해요", "하지 않아요"), ("한다", "하지 않는다"), ("하다", "하지 않다"), ("하네요", "하지 않네요"),
    ("됩니다", "되지 않습니다"), ("된다", "되지 않는다"), ("됐다", "되지 않았다"), ("되었다", "되지 않았다"), ("되었습니다", "되지 않았습니다"),
)
# 해 주시겠어요 and 해 주시지 않겠어요, 있나요 and 없나요 ask for the same; and 가야 합니다 has no simple opposite.
ASKING = ("까", "까요", "나요", "가요", "니", "냐", "겠어요", "래요", "죠", "지요")
THERE = (  # 있다 and 없다 take the same endings
    "습니다", "었습니다", "다", "었다", "어요", "었어요", "네요", "었네요", "어", "었어", "지", "는데", "음",
)
COPULA = (
    ("이었습니다", "아니었습니다"), ("였습니다", "아니었습니다"), ("입니다", "아닙니다"), ("이에요", "아니에요"), ("예요", "아니에요"),
    ("이었다", "아니었다"), ("였다", "아니었다"), ("이다", "아니다"),
)


def parts(syllable: str) -> tuple[int, int, int]:
    """First consonant, vowel, last consonant (0: none)."""
    n = ord(syllable) - BASE
    return n // 588, n % 588 // 28, n % 28


def is_hangul(c: str) -> bool:
    return 0 <= ord(c) - BASE < 11172


def with_final(syllable: str, final: str) -> str:
    a, b, _ = parts(syllable)
    return chr(BASE + a * 588 + b * 28 + FINALS.index(final))


def final_of(syllable: str) -> str:
    return FINALS[parts(syllable)[2]] if is_hangul(syllable) else "?"


def subject(noun: str) -> str:
    return noun + ("가" if final_of(noun[-1]) == " " else "이")


def past_stem(stem: str) -> str | None:
    """갔 -> 가, 먹었 -> 먹, 왔 -> 오: the stem of a past form, where there is only one it can be."""
    if len(stem) > 1 and stem[-1] in "었았" and final_of(stem[-2]) not in " ?ㄹㅅㄷㅎ":
        return stem[:-1]
    last = stem[-1]
    if final_of(last) != "ㅆ":
        return None
    a, b, _ = parts(last)
    back = {"ㅏ": "ㅏ", "ㅘ": "ㅗ", "ㅕ": "ㅣ", "ㅐ": "ㅐ"}.get(VOWELS[b])
    if back is None or last in "었았였":
        return None
    if last == "했":
        back = "ㅏ"
    plain = stem[:-1] + chr(BASE + a * 588 + VOWELS.index(back) * 28)
    # 예뻤다, 몰랐다, 도왔다: the vowel or the consonant before may have changed.
    return None if plain.endswith(("라", "와", "오")) and len(plain) > 1 else plain


def long_form(word: str) -> str | None:
    """갑니다 -> 가지 않습니다."""
    for plain, negated in LONG:
        if word.endswith(plain):
            return word[: -len(plain)] + negated
    for ending, negated in (("습니다", "습니다"), ("다", "다"), ("어요", "어요")):
        if word.endswith(ending) and len(word) > len(ending) and final_of(word[-len(ending) - 1]) == "ㅆ":
            stem = past_stem(word[: -len(ending)])
            return None if stem is None else f"{stem}지 않았{negated}"
    if word.endswith("습니다") and final_of(word[-4:-3] or "?") not in " ?ㅆ":
        return f"{word[:-3]}지 않습니다"
    if word.endswith("니다") and len(word) > 2 and final_of(word[-3]) == "ㅂ":
        stem = word[:-3] + with_final(word[-3], " ")
        return f"{stem}지 않습니다" if stem[-1] in VOWEL_STEMS else None  # 삽니다 may be 사다 or 살다
    if word.endswith("는다") and final_of(word[-3:-2] or "?") not in " ?":
        return f"{word[:-2]}지 않는다"
    return None


def opposites(text: str) -> list[str]:
    """Sentences that say the opposite, the short form first where there is one. Empty where the rules are not sure."""
    body, mark = END.match(text).groups()
    words = body.split(" ")
    last = words[-1]
    before = words[:-1]
    if not last or not all(map(is_hangul, last)) or len(words) < 2 or len(words) > 20:
        return []
    if "?" in mark or last.endswith(ASKING) or before[-1].endswith("야") or "있으시" in last:
        return []

    def say(*end: str) -> str:
        return " ".join([*before, *end]) + mark

    if before[-1] in ("안", "못") and predicate(last):
        rest = " ".join(before[:-1])
        plain = f"{rest} {last}{mark}" if rest else last + mark
        return [plain]
    for ending in THERE:
        if last.endswith("있" + ending):
            if before[-1].endswith("고") or before[-1].endswith(("어", "아", "해", "져", "려")):  # 하고 있다, 되어 있다
                return [say(f"있지 않{ending}")] if ending in ("다", "습니다") else []
            return [say(last[: -len(ending) - 1] + "없" + ending)]
        if last == "없" + ending:
            return [say("있" + ending)]
    for plain, negated in COPULA:
        if last.endswith(plain) and len(last) > len(plain):
            noun = last[: -len(plain)]
            fits = plain == "입니다" or (final_of(noun[-1]) == " ") == (plain in ("였습니다", "였다", "예요"))
            sure = plain != "이다" or len(noun) > 1  # 보이다 and 높이다 are verbs
            return [say(subject(noun), negated)] if fits and sure and noun[-1] not in "보높속줄쓰" else []
    if not predicate(last):
        return []
    found = []
    verb = re.match(r"^(.{2,})(했다|했습니다|했어요|합니다|해요|한다)$", last)
    if verb and before[-1].endswith(("을", "를")):  # with an object it is a verb; 깨끗 안 합니다 is not said
        found.append(say(verb[1], "안", verb[2]))  # 공부 안 했다
    elif not verb and len(last) <= 5 and not last.startswith(NOT_SHORT):
        found.append(say("안", last))
    long = long_form(last)
    return found + [say(long)] if long else found


def predicate(word: str) -> bool:
    """Whether a word surely is a verb or an adjective at the end of its sentence."""
    if word.startswith(NEVER) or word in ("바다", "마다", "보다", "부다", "수다", "모두다", "습니다"):
        return False
    if word.endswith("니다") and len(word) > 2:
        return final_of(word[-3]) == "ㅂ" and not word.endswith(("입니다", "겁니다", "랍니다", "답니다"))
    if word.endswith("다") and len(word) > 1:
        return final_of(word[-2]) in "ㅆㄴ" and not word.endswith(("란다", "인다", "런다", "단다", "겠다"))
    if word.endswith("요") and len(word) > 2:
        return final_of(word[-3]) == "ㅆ" and word.endswith("어요") or word.endswith(("해요", "네요"))
    return False


SHORT = re.compile(r"(?:^|\s)(안|못) \S+$")


def is_negated(text: str) -> bool:
    body = END.match(text)[1]
    return bool(SHORT.search(body)) or any(w in body for w in ("지 않", "지 못", "지 마", "지 말", "없", "아니", "아닙", "아닌", "모르", "모릅"))
