import type { Unknown } from "munjang";

/** Why a word of a text became [UNK], for a reader. `written` is how the word stands in the text. */
export function explain({ reason, word, at = 0 }: Unknown, written: string, maxWordLength: number): string {
  if (reason === "written") return "written so in the text";
  if (reason === "length") {
    return `a word of ${Array.from(word).length} code points; at most ${maxWordLength} are cut into pieces`;
  }
  const character = characterAt(word, at);
  const named = `${character} (U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")})`;
  const where =
    at === 0 ? `no piece begins with ${named}` : `no piece begins with ##${named} behind ${word.slice(0, at)}`;
  const composed = written.normalize("NFC");
  const remedy =
    composed !== written && /[\u1100-\u11ff]/.test(written) ? `; decomposed Hangul: --nfc makes it ${composed}` : "";
  return where + remedy;
}

export function characterAt(word: string, at: number): string {
  return String.fromCodePoint(word.codePointAt(at) ?? 0);
}
