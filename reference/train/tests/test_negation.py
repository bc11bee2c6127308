"""Our own triples, and the rules that build opposites."""

import unittest

from reference.train import negate
from reference.train.overlap import triples
from reference.train.text import key


class Triples(unittest.TestCase):
    def test_the_set(self):
        rows = triples()
        self.assertGreaterEqual(len(rows), 200)
        for row in rows:
            self.assertEqual(len(row), 3, row)
            self.assertEqual(len({key(t) for t in row}), 3, row)
        texts = [key(t) for row in rows for t in row]
        self.assertEqual(len(texts), len(set(texts)))

    def test_a_negation_shares_more_with_its_sentence_than_the_paraphrase(self):
        """Or counting characters would do."""
        grams = lambda t: {key(t)[i : i + 2] for i in range(len(key(t)) - 1)}
        harder = [len(grams(a) & grams(b)) / len(grams(b)) > len(grams(a) & grams(c)) / len(grams(c)) for a, b, c in triples()]
        self.assertGreater(sum(harder) / len(harder), 0.95)

    def test_forms(self):
        opposites = [row[1] for row in triples()] + [row[0] for row in triples()]
        for form in (" 안 ", " 못 ", "지 않", "지 못", "없", "아니", "모르"):
            self.assertGreaterEqual(sum(form in t for t in opposites), 4, form)


class Opposites(unittest.TestCase):
    def test_rules(self):
        for text, expected in {
            "나는 학교에 갑니다.": ["나는 학교에 안 갑니다.", "나는 학교에 가지 않습니다."],
            "어제 밥을 먹었다": ["어제 밥을 안 먹었다", "어제 밥을 먹지 않았다"],
            "집에 돈이 있어요": ["집에 돈이 없어요"],
            "맛이 없다!": ["맛이 있다!"],
            "그는 학생입니다": ["그는 학생이 아닙니다"],
            "그분은 의사예요": ["그분은 의사가 아니에요"],
            "비가 안 온다": ["비가 온다"],
            "저는 책을 읽고 있습니다": ["저는 책을 읽고 있지 않습니다"],
            "방이 깨끗합니다": ["방이 깨끗하지 않습니다"],
            "정부가 대책을 발표했다": ["정부가 대책을 발표 안 했다", "정부가 대책을 발표하지 않았다"],
            "기차가 왔습니다": ["기차가 안 왔습니다", "기차가 오지 않았습니다"],
            "저는 삽을 삽니다": ["저는 삽을 안 삽니다"],  # 사지 or 살지: not sure
            "나는 그를 몰랐다": [],
            "영화": [],
            "돈이 좀 있어?": [],  # asks the same as 없어?
            "도와 주실 수 있으십니까": [],
            "지금 가야 합니다": [],
            "정말 그렇습니다": [],
            "내일 만나자": [],
        }.items():
            self.assertEqual(negate.opposites(text), expected, text)

    def test_is_negated(self):
        for text, expected in {"비가 안 온다.": True, "집 안 공기가 좋다": False, "가지 않았다": True, "돈이 없다": True, "잠이 온다": False}.items():
            self.assertEqual(negate.is_negated(text), expected, text)


if __name__ == "__main__":
    unittest.main()
