/**
 * Our own texts and vocabulary for the tokenizer's tests: every script, broken text, special tokens, long words, all from a seed.
 * `reference/tokenizer/expected.py` asks the Python library about them; the extended test asks the Rust binding about a million more.
 */

/** xorshift128+ would be better noise; mulberry32 is one line and good enough to choose test texts. */
export function random(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

type Random = () => number;
const below = (next: Random, n: number): number => Math.floor(next() * n);
const one = <T>(next: Random, list: readonly T[]): T => list[below(next, list.length)];
const repeat = (next: Random, least: number, most: number, make: () => string): string => {
  let text = "";
  for (let n = least + below(next, most - least + 1); n > 0; n--) text += make();
  return text;
};

// biome-ignore format: a table
const SCRIPTS: readonly (readonly [first: number, last: number])[] = [
  [0x21, 0x7e], [0x61, 0x7a], [0x41, 0x5a], [0x30, 0x39], [0xa1, 0xff], [0x100, 0x24f], [0x370, 0x3ff], [0x400, 0x52f],
  [0x531, 0x58f], [0x591, 0x5f4], [0x600, 0x6ff], [0x700, 0x74f], [0x900, 0x97f], [0x980, 0x9ff], [0xb80, 0xbff],
  [0xe01, 0xe5b], [0xf00, 0xfda], [0x1000, 0x109f], [0x10a0, 0x10ff], [0x1100, 0x11ff], [0x1200, 0x137f], [0x13a0, 0x13ff],
  [0x1780, 0x17ff], [0x1800, 0x18af], [0x1b00, 0x1b7f], [0x1c80, 0x1cbf], [0x1e00, 0x1eff], [0x1f00, 0x1fff], [0x2000, 0x206f], [0x2070, 0x218f],
  [0x2190, 0x2bff], [0x2c00, 0x2dff], [0x2e00, 0x2e5d], [0x3000, 0x303f], [0x3040, 0x30ff], [0x3131, 0x318e], [0x3400, 0x4dbf],
  [0x4e00, 0x9fff], [0xa640, 0xa69f], [0xa720, 0xa7ff], [0xa960, 0xa97f], [0xab30, 0xabbf], [0xac00, 0xd7a3], [0xac00, 0xd7a3], [0xac00, 0xd7a3],
  [0xd7b0, 0xd7ff], [0xe000, 0xe0ff], [0xf900, 0xfaff], [0xfb00, 0xfdff], [0xfe00, 0xfe6f], [0xff00, 0xffef], [0xfff0, 0xffff],
  [0x10000, 0x101ff], [0x10400, 0x104ff], [0x11000, 0x1147f], [0x11f00, 0x11f5f], [0x118a0, 0x118df], [0x16e40, 0x16fff], [0x1d100, 0x1d1ff],
  [0x1d400, 0x1d7ff], [0x1e800, 0x1e95f], [0x1f000, 0x1faff], [0x1f1e6, 0x1f1ff], [0x20000, 0x2a6df], [0x2b740, 0x2ceaf],
  [0x2f800, 0x2fa1f], [0x30000, 0x3134f], [0xe0000, 0xe01ef], [0xf0000, 0xf00ff], [0x10fff0, 0x10ffff],
];

// biome-ignore format: a table
const MARKS: readonly (readonly [first: number, last: number])[] = [

  [0x300, 0x36f], [0x300, 0x36f], [0x483, 0x489], [0x591, 0x5bd], [0x610, 0x61a], [0x64b, 0x65f], [0x6d6, 0x6ed], [0x8d3, 0x8ff], [0x93c, 0x94d],
  [0x9bc, 0x9d7], [0xb3e, 0xb57], [0xcbc, 0xcd6], [0xd3b, 0xd57], [0xdca, 0xddf], [0xe38, 0xe4d], [0xf71, 0xf87], [0x102d, 0x103a], [0x1ab0, 0x1ace],
  [0x1b34, 0x1b44], [0x1dc0, 0x1dff], [0x20d0, 0x20f0], [0x302a, 0x302f], [0x3099, 0x309a], [0xa66f, 0xa67d], [0xa806, 0xa82c], [0xa953, 0xa953],
  [0xabed, 0xabed], [0xfe20, 0xfe2f], [0x110b9, 0x110ba], [0x11127, 0x11134], [0x1133b, 0x11357], [0x114b0, 0x114c3], [0x115af, 0x115c0],
  [0x11935, 0x11943], [0x16ff0, 0x16ff1], [0x1d165, 0x1d172], [0x1d185, 0x1d18b], [0x1e130, 0x1e136], [0x1e944, 0x1e94a],
];

const SPACES = [
  " ",
  " ",
  " ",
  " ",
  "  ",
  "\t",
  "\n",
  "\r\n",
  "\u00a0",
  "\u3000",
  "\u2003",
  "\u2028",
  "\u202f",
  "\u1680",
  "\u0085",
  "\u000b",
  "\u001c",
];
const INVISIBLE = [
  "\u0000",
  "\u0001",
  "\u007f",
  "\u0085",
  "\u00ad",
  "\u200b",
  "\u200c",
  "\u200d",
  "\u200e",
  "\u2060",
  "\ufeff",
  "\ufffd",
  "\ufffe",
];
const CASES = [
  "İstanbul",
  "I",
  "ı",
  "ΟΔΟΣ",
  "ΣΑΣ ",
  "ß",
  "ẞ",
  "ǅ",
  "ﬁ",
  "Å",
  "Ω",
  "K",
  "École",
  "E\u0301cole",
  "ÀÉÎÕÜ",
  "Ⅷ",
  "Ａｂ",
  "ᏸᏰ",
  "Ꭰ",
  "Ა",
  "𐐀𐐨",
  "Ȿ",
  "Ɪ",
];
export const KOREAN =
  "나는 오늘 학교 에서 친구 와 함께 밥 을 먹 었 습니다 내일 비 가 오 면 집 에 있 겠 다 한국어 문장 임베딩 모델 은 빠르 고 정확 하 ㅋㅋ ㅠㅠ 값 이 얼마 예요 50분 3.5km 서울특별시 대한민국".split(
    " ",
  );
const ENGLISH =
  "the Sentence embedding MODEL runs in a browser without python it's fast don't e-mail co-op 1,000 v2.0 U.S.A. naïve café".split(
    " ",
  );
export const SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
/** Added tokens of the configurations that have some. */
export const ADDED = ["<문서>", "New York", "É", "中國", "새토큰", "new", "[SEP2]", "한", "ab"];

function point(next: Random, ranges: readonly (readonly [number, number])[]): string {
  const [first, last] = one(next, ranges);
  return String.fromCodePoint(first + below(next, last - first + 1));
}

/** One piece of text of some kind. */
function fragment(next: Random, vocabulary: readonly string[]): string {
  const any = (): string => point(next, SCRIPTS);
  const mark = (): string => point(next, MARKS);
  switch (below(next, 22)) {
    case 0:
    case 1:
    case 2:
      return repeat(next, 1, 4, () => one(next, KOREAN));
    case 3:
      return one(next, ENGLISH);
    case 4: {
      const range = [one(next, SCRIPTS)];
      return repeat(next, 1, 8, () => point(next, range));
    }
    case 5:
      return repeat(next, 1, 4, any);
    case 6: {
      const c = below(next, 0x110000);
      return String.fromCodePoint(c >= 0xd800 && c < 0xe000 ? 0xac00 + (c & 0x7ff) : c);
    }
    case 7:
      return repeat(next, 1, 3, () => any() + repeat(next, 0, 5, mark));
    case 8:
      return repeat(
        next,
        1,
        3,
        () => one(next, ["a", "e", "가", "각", "ㄱ", "中", "豈", "!", "["]) + repeat(next, 0, 4, mark),
      );
    case 9: // decomposed Hangul, well formed or nearly
      return repeat(next, 1, 4, () => {
        const jamo = String.fromCharCode(0x1100 + below(next, 20), 0x1161 + below(next, 22));
        return (
          jamo + (next() < 0.5 ? String.fromCharCode(0x11a7 + below(next, 29)) : "") + (next() < 0.1 ? mark() : "")
        );
      });
    case 10:
      return one(next, SPACES) + one(next, SPACES);
    case 11:
      return one(next, INVISIBLE);
    case 12:
      return one(next, SPECIAL);
    case 13: {
      const token = one(next, [...SPECIAL, ...ADDED]);
      const cut = below(next, token.length + 1);
      return one(next, [
        token.toLowerCase(),
        token.slice(0, cut),
        token.slice(cut),
        token.slice(0, cut) + token,
        `${token}${token}`,
      ]);
    }
    case 14:
      return one(next, ADDED);
    case 15:
      return one(next, CASES);
    case 16: {
      if (next() < 0.7) return one(next, KOREAN);
      const unit = one(next, ["a", "가", "각", "\u{1f600}", "é", "ᄀ", "a\u0301", "a\u200b", "𐐀", "\u1e9b\u0323"]);
      return unit.repeat(97 + below(next, 7));
    }
    case 17: // half of a pair
      return (
        String.fromCharCode(0xd800 + below(next, 0x800)) +
        one(next, ["", "a", "가", String.fromCharCode(0xd800 + below(next, 0x800))])
      );
    case 18:
      return repeat(next, 1, 5, () => String.fromCharCode(0x21 + below(next, 15)));
    case 19:
      return one(next, ["👨‍👩‍👧", "🇰🇷", "1️⃣", "❤️", "👍🏽", "…", "·", "「」", "〜", "！", "50％", "㈜", "㎏", "½", "①"]);
    case 20:
      return repeat(next, 1, 4, () => one(next, vocabulary).replace(/^##/, ""));
    default:
      return point(next, [[0x20, 0x7e], [0xac00, 0xd7a3]]); // biome-ignore format: short
  }
}

/** A text. */
export function text(next: Random, vocabulary: readonly string[]): string {
  return repeat(next, below(next, 30) === 0 ? 0 : 1, 6, () => {
    const glue = next() < 0.45 ? " " : next() < 0.15 ? one(next, SPACES) : "";
    return fragment(next, vocabulary) + glue;
  });
}

/**
 * A vocabulary that knows something of every script, so that few words are unknown: single code points and pieces of two or three, both as
 * the beginning of words and inside them. Special tokens do not stand where BERT has them.
 */
export function vocabulary(): string[] {
  const next = random(20261123);
  const tokens = new Set<string>(["[CLS]", "[PAD]", "!", "[SEP]", "[UNK]", "[MASK]"]);
  const both = (piece: string): void => {
    tokens.add(piece);
    tokens.add(`##${piece}`);
  };
  for (let c = 0x21; c < 0x17f; c++) if (c < 0x7f || c > 0xa0) both(String.fromCharCode(c));
  for (let c = 0x1100; c < 0x1200; c++) both(String.fromCharCode(c));
  for (let c = 0x300; c < 0x370; c += 2) both(String.fromCharCode(c));
  for (let c = 0xac00; c < 0xd7a4; c += 7) both(String.fromCharCode(c));
  for (const [first, last] of [...SCRIPTS, ...MARKS]) {
    const step = Math.max(1, Math.floor((last - first) / 40));
    for (let c = first; c <= last; c += step) both(String.fromCodePoint(c));
  }
  for (const word of [...KOREAN, ...ENGLISH, ...ENGLISH.map((w) => w.toLowerCase()), ...CASES, ...ADDED]) {
    both(word);
    for (let i = 1; i < word.length; i++) {
      both(word.slice(0, i));
      both(word.slice(i));
    }
  }
  for (let i = 0; i < 2000; i++) both(repeat(next, 2, 3, () => point(next, [[0xac00, 0xd7a3]])));
  for (let i = 0; i < 500; i++) both(repeat(next, 2, 3, () => point(next, [[0x61, 0x7a]])));
  for (let i = 0; i < 300; i++) both(repeat(next, 2, 2, () => point(next, SCRIPTS)));
  // As lines of vocab.txt they have to be what they are: no white space and no control characters in them.
  return [...tokens].filter((token) => !/[\s\p{Cc}\p{Cs}]/u.test(token));
}
