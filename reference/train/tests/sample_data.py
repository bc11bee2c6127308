"""A data folder of the shape of the real one, a few hundred sentences of our own making. Nothing in it comes from any data set."""

import gzip
from pathlib import Path
from random import Random

WHO = ["민수는", "수진이는", "할머니는", "우리 형은", "옆집 아이는", "김 선생님은", "그 사람은", "내 친구는"]
WHERE = ["공원에서", "도서관에서", "부엌에서", "시장에서", "학교에서", "바닷가에서", "역 앞에서"]
WHAT = ["빵을", "책을", "사과를", "국수를", "편지를", "그림을", "모자를"]
DID = ["먹었다", "보았습니다", "샀어요", "찾았다", "기다립니다", "만들었다", "잊었다"]

KOBEST_TEXTS = ("Text", "Question", "sentence", "1", "2", "context", "choice1", "choice2", "choice3", "choice4", "Text_origin")
KOBEST = {
    "BoolQ": dict.fromkeys(("train", "dev", "test"), "ID Text Question Answer"),
    "COPA": dict.fromkeys(("train", "dev", "test"), "ID sentence question 1 2 Answer"),
    "HellaSwag": dict.fromkeys(("train", "dev", "test"), "context choice1 choice2 choice3 choice4 label"),
    "SentiNeg": {"train": "ID Text Label", "dev": "ID Label Text", "test": "ID Label_origin Text_origin Label Text Category_neg"},
}


def sentence(random: Random, n: int = 0) -> str:
    return f"{random.choice(WHO)} {random.choice(WHERE)} {random.choice(WHAT)} {random.choice(DID)}" + (f" {n}번" if n else ".")


def write(folder: Path) -> None:
    random = Random(7)
    number = iter(range(1, 100_000))

    def new() -> str:
        """A sentence that is nowhere else."""
        words = sentence(random).rstrip(".").split(" ")
        return f"{words[0]} {next(number)}번째 {words[1]} {words[2]} {words[3]}"

    def put(name: str, lines: list[str]) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "\n".join(lines) + "\n"
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if name.endswith(".gz") else text.encode())

    groups = [[f"{t} {style}" for t in [new()] for style in "네 요 죠 지 군 다 까 니 걸 야".split()] for _ in range(30)]
    put("parakqc/paraKQC_v1.txt", [f"0\t0\t{text}" for group in groups for text in group])
    put("parakqc/groups_in_klue_sts_dev.txt", ["0", "1"])

    def scored(size: int) -> list[tuple[str, str, float]]:
        return [(new(), new(), round(random.random() * 5, 2)) for _ in range(size)]

    dev = scored(12) + [(groups[0][0], groups[1][0], 1.0)]
    put("klue-sts/dev.tsv", ["guid\tsource\tsentence1\tsentence2\tlabel\treal_label\tbinary_label"] + [f"g\ts\t{a}\t{b}\t0\t{s}\t0" for a, b, s in dev])
    train = scored(60)
    train.append((dev[0][0].replace(" ", "") + "!!", new(), 2.5))  # the same as a dev sentence but for spaces and punctuation
    train.append((groups[0][5], new(), 3.0))  # of a listed group, though no dev sentence itself
    train += [(g[0], g[1], 4.6) for g in groups[:12]] + [(groups[i][2], groups[i + 1][2], 1.2) for i in range(2, 20)]
    put("klue-sts/train.tsv", ["sentence1\tsentence2\treal_label"] + [f"{a}\t{b}\t{s}" for a, b, s in train])
    for part, size in (("train", 50), ("dev", 12)):
        head = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2"
        put(f"korsts/sts-{part}.tsv", [head] + [f"g\tf\ty\ti\t{s}\t{a}\t{b}" for a, b, s in scored(size)])
    relations = ["entailment", "neutral", "contradiction"]

    def inferences(size: int) -> list[tuple[str, str, str]]:
        return [(premise, new(), relation) for _ in range(size) for premise in [new()] for relation in relations]

    for part, size in (("train", 20), ("dev", 4)):
        put(f"klue-nli/{part}.tsv", ["guid\tsource\tpremise\thypothesis\tgold_label"] + [f"g\ts\t{p}\t{h}\t{r}" for p, h, r in inferences(size)])
    put("kornli-xnli/xnli.dev.ko.tsv", ["sentence1\tsentence2\tgold_label"] + ["\t".join(row) for row in inferences(4)])
    for part, size in (("train", 20), ("dev", 4)):
        rows = [f"{part}-{i}\t0\t0\t{t} {style}" for i in range(size) for t in [new()] for style in "습니다 어요 네요 나요 지요 어 냐 니 거야 래".split()]
        put(f"stylekqc/{part}.tsv", ["group\ttopic\tact\tsentence", *rows])
    for name, head, size in (("kor_pair_train", "id,qid1,qid2,question1,question2,is_duplicate", 24), ("kor_Pair_test", "test_id,question1,question2,is_duplicate,", 14)):
        ids = "{i},{i},{i}" if "train" in name else "{i}"
        put(f"question-pair/{name}.csv", ["\ufeff" + head] + [f"{ids.format(i=i)},{new()},{new()},{i % 2}," for i in range(size)])
    put("sae4k/sae4k_v1.txt", ["\ufeff" + f"{new()}\t{new()}\t0" for _ in range(10)])
    put("boddari/wikinews_title_body.tsv", ["title\tbody"] + [f"{new()}\t{new()}" for _ in range(6)])
    put("boddari/book_review_title_body.tsv", ["book\ttitle\tbody"] + [f"x\t{new()}\t{new()}" for _ in range(6)])
    put("tatoeba/ko-paraphrase-pairs.tsv", ["sentence1\tsentence2\teng"] + [f"{new()}\t{new()}\tx" for _ in range(6)])
    put("klue-ynat/train_data.csv", ["index,title,topic_idx"] + [f'{i},"{new()}, 속보",{i % 7}' for i in range(70)])
    put("klue-ynat/test_data.csv", ["index,title"] + [f"{i},{new()}" for i in range(5)])

    files = {
        "boddari": "wikinews unesco_report fairytale01 book_review01 book_review02",
        "techdocs-ko": "ms-learn react vue rust-book hf-course cncf-glossary d2l pytorch-tutorials",
        "nsmc": "synopses",
        "ud-korean": "kaist gsd ksl pud",
        "ntrex": "newstest2019-ref.kor",
        "korean-ambiguity": "sentences",
        "klue-text": "dp_dev ner_dev",
        "square": "questions",
        "xpersona-ko": "valid test",
        "kommongen": "sentences",
        "kocohub": "news_titles",
        "tatoeba": "kor",
    }
    for name, stems in files.items():
        for stem in stems.split():
            put(f"{name}/{stem}.txt", [new() for _ in range(8)])
    put("techdocs-ko/dotnet-docs.txt.gz", [new() for _ in range(8)])
    put("nsmc/reviews.tsv.gz", ["movie_id\trating\treview"] + [f"1\t10\t{sentence(random)}" for _ in range(80)])
    for part in ("jhe.dev", "jhe.eval", "park.dev", "park.test"):
        put(f"park-news/{part}.ko-en.tsv", [f"{new()}\tx" for _ in range(4)])
    for part in ("train_val", "test"):
        put(f"3i4k/fci_{part}.txt", [f"1\t{new()}" for _ in range(6)])
    for part in ("val", "test"):
        put(f"kote/{part}.tsv", [f"1\t{new()}\t3" for _ in range(6)])
    put("chatbot-data/ChatbotData.csv", ["Q,A,label"] + [f"{new()},{new()},0" for _ in range(6)])
    for task, parts in KOBEST.items():
        rows = {part: [[new() if name in KOBEST_TEXTS else "1" for name in names.split()] for _ in range(4)] for part, names in parts.items()}
        texts = [i for i, name in enumerate(parts["train"].split()) if name in KOBEST_TEXTS]
        for part in ("dev", "test"):  # each of their texts is in train once, but for spaces and punctuation
            for n, name in enumerate(parts[part].split()):
                if name in KOBEST_TEXTS:
                    again = rows[part][0][n].replace(" ", "") + "!"
                    rows["train"].append([again if i in texts else "1" for i in range(len(rows["train"][0]))])
        for part, names in parts.items():
            put(f"kobest/{task}/{part}.tsv", ["\t".join(names.split())] + ["\t".join(row) for row in rows[part]])
