/** Scripts written without blanks between words, or whose words carry endings: they are matched by pairs of letters. */
const PAIRED = "\\p{Script=Hangul}\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}";
const RUNS = new RegExp(`[${PAIRED}]+|[\\p{L}\\p{M}\\p{N}]+?(?=[${PAIRED}]|[^\\p{L}\\p{M}\\p{N}]|$)`, "gu");
const STARTS_PAIRED = new RegExp(`^[${PAIRED}]`, "u");

/** Bytes a term may have; PostgreSQL takes 2046. */
const LONGEST = 200;

/** A term, and where in the text it stands: UTF-16 indices, the end exclusive. */
export interface Term {
  readonly term: string;
  readonly start: number;
  readonly end: number;
}

/**
 * What of a text can be looked up: words of Latin letters, digits and so on as they are, Hangul, Han and Kana by overlapping pairs of
 * letters. Korean words carry their particles with them (문장을, 문장이), and PostgreSQL's own configurations leave them as they are; the pair
 * 문장 is in both.
 */
export function* termsOf(text: string): Generator<Term> {
  for (const { 0: run, index } of text.matchAll(RUNS)) {
    if (!STARTS_PAIRED.test(run)) {
      const term = folded(run);
      if (term !== "" && Buffer.byteLength(term) <= LONGEST) yield { term, start: index, end: index + run.length };
      continue;
    }
    const letters = [...run.normalize("NFC")];
    const whole = letters.join("").length === run.length; // decomposed Hangul has other indices than what it becomes
    let start = index;
    if (letters.length === 1) yield { term: folded(run), start, end: index + run.length };
    for (let i = 0; i + 1 < letters.length; i++) {
      const length = letters[i].length + letters[i + 1].length;
      const [from, to] = whole ? [start, start + length] : [index, index + run.length];
      yield { term: folded(letters[i] + letters[i + 1]), start: from, end: to };
      start += letters[i].length;
    }
  }
}

function folded(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

/** The terms of a text as PostgreSQL writes a tsvector. */
export function asVector(text: string): string {
  const terms = new Set<string>();
  for (const { term } of termsOf(text)) terms.add(term);
  return [...terms].map(quoted).join(" ");
}

/** A term inside a tsvector or a tsquery. */
export function quoted(term: string): string {
  return `'${term.replace(/['\\]/g, "$&$&")}'`;
}
