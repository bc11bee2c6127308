import type { BertTokenizer, Encoding } from "munjang";

/** Why a word became [UNK]. */
export interface Unknown {
  /** Index of the token. */
  readonly index: number;
  /** As it stands in the text. */
  readonly word: string;
  readonly reason: "written" | "length" | "character" | "other";
  /** The character at which no piece begins, where that is the reason. */
  readonly character?: string;
  /** What can be told to a reader. */
  readonly message: string;
}

/** Code points a word may have, as in BERT. */
const LONGEST = 100;

/** Explains every [UNK] of an encoding. */
export function explainUnknown(tokenizer: BertTokenizer, text: string, { ids, offsets }: Encoding): Unknown[] {
  const found: Unknown[] = [];
  for (const [index, id] of ids.entries()) {
    if (id !== tokenizer.unkId) continue;
    const word = text.slice(...offsets[index]);
    found.push({ index, word, ...explain(tokenizer, word) });
  }
  return found;
}

/**
 * The tokenizer says only that a word cannot be cut. The word is brought into the form that the vocabulary is in, as far as the
 * tokenizer's answers for single letters tell which that is, and cut again, longest piece first, up to where no piece goes on.
 */
function explain(tokenizer: BertTokenizer, written: string): Omit<Unknown, "index" | "word"> {
  if (written === tokenizer.idToToken(tokenizer.unkId)) return { reason: "written", message: "written so in the text" };
  const points = Array.from(asRead(tokenizer, written));
  if (points.length > LONGEST) {
    return {
      reason: "length",
      message: `a word of ${points.length} code points; at most ${LONGEST} are cut into pieces`,
    };
  }
  const at = stuckAt(tokenizer, points);
  if (at === undefined) return { reason: "other", message: "it cannot be cut into pieces of the vocabulary" };
  const character = points[at];
  const named = `${character} (U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")})`;
  const where =
    at === 0
      ? `no piece begins with ${named}`
      : `no piece begins with ##${named} behind ${points.slice(0, at).join("")}`;
  const composed = written.normalize("NFC");
  const remedy =
    composed !== written && /[\u1100-\u11ff]/.test(written) ? `; decomposed Hangul: --nfc makes it ${composed}` : "";
  return { reason: "character", character, message: where + remedy };
}

/** The word as the vocabulary sees it: without controls, and lower-cased and without accents where the tokenizer does so. */
function asRead(tokenizer: BertTokenizer, word: string): string {
  const same = (a: string, b: string): boolean => {
    const [x, y] = [a, b].map((text) => tokenizer.encode(text, { addSpecialTokens: false }).ids);
    return x.join() === y.join() && !x.includes(tokenizer.unkId);
  };
  let read = word.replace(/[\p{Cc}\u200b-\u200f\ufeff]/gu, "");
  if (same("A", "a")) read = read.toLowerCase();
  if (same("\u00e9", "e")) read = read.normalize("NFD").replace(/\p{Mn}/gu, "");
  return read;
}

/** Index of the code point at which no piece of the vocabulary begins; undefined where the word can be cut. */
function stuckAt(tokenizer: BertTokenizer, points: readonly string[]): number | undefined {
  for (let start = 0; start < points.length; ) {
    let end = points.length;
    const piece = (): string => (start > 0 ? "##" : "") + points.slice(start, end).join("");
    while (end > start && tokenizer.tokenToId(piece()) === undefined) end--;
    if (end === start) return start;
    start = end;
  }
  return undefined;
}
