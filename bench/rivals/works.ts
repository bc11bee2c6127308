/** What everybody runs, and how much there is to compute in it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seededConfig } from "../../test/seeded/seeded.ts";
import { KOREAN, random } from "../../test/tokenizer/generate.ts";
import type { Work } from "./protocol.ts";

export interface Sizes {
  /** Sentences of the main set. */
  readonly sentences: number;
  /** Texts of all lengths from 4 to 128 tokens. */
  readonly mixed: number;
  /** Every length is run with this many tokens at once. */
  readonly lengths: readonly number[];
  readonly tokens: number;
  /** Batches of sentences of ten tokens. */
  readonly batches: readonly number[];
}

/** Tokens of a sentence in the sweep over batches; KorSTS has 10.2 on average. */
export const TYPICAL = 10;

/** The set that a smaller one is taken from. */
const CAPTIONS = 256;

export const mainWork = "sentences";
export const mixedWork = "mixed lengths";
export const lengthWork = (length: number): string => `length ${length}`;
export const batchWork = (batch: number): string => `batch ${batch}`;
/** These two are for checking vectors. */
export const checkIds = "check ids";
export const checkTexts = "check texts";

/**
 * The first captions of KorSTS's dev set, of 10.3 tokens on average, where MUNJANG_DATA has it, else sentences of our own. Distinct, since
 * equal texts need be computed only once.
 */
function sentences(count: number): { readonly name: string; readonly texts: readonly string[] } {
  const file = join(process.env.MUNJANG_DATA ?? "", "korsts/sts-dev.tsv");
  if (process.env.MUNJANG_DATA !== undefined && existsSync(file)) {
    const rows = readFileSync(file, "utf8").trimEnd().split("\n").slice(1);
    const all = [
      ...new Set(
        rows.flatMap((row) =>
          row
            .split("\t")
            .slice(5, 7)
            .map((text) => text.trim()),
        ),
      ),
    ];
    const step = Math.floor(CAPTIONS / count);
    return { name: "KorSTS, dev, captions", texts: Array.from({ length: count }, (_, i) => all[i * step]) };
  }
  const next = random(20261125);
  const word = (): string => KOREAN[Math.floor(next() * KOREAN.length)];
  const made = new Set<string>();
  while (made.size < count) made.add(`${Array.from({ length: 2 + Math.floor(next() * 4) }, word).join(" ")}.`);
  return { name: "generated", texts: [...made] };
}

/** Ids of no meaning: [CLS], anything but the special ones, [SEP]. */
function anyIds(length: number, next: () => number): number[] {
  const { vocab_size } = seededConfig;
  return [2, ...Array.from({ length: length - 2 }, () => 5 + Math.floor(next() * (vocab_size - 5))), 3];
}

export function makeWorks(
  sizes: Sizes,
  tokenize: (text: string) => readonly number[],
): { readonly sentences: string; readonly works: readonly Work[] } {
  const next = random(7);
  const many = (name: string, lengths: readonly number[]): Work => ({ name, ids: lengths.map((L) => anyIds(L, next)) });
  const spread = (count: number): number[] =>
    Array.from({ length: count }, (_, i) => Math.round(4 + (i * 124) / (count - 1)));
  const { name, texts } = sentences(sizes.sentences);
  const sorted = texts.map((text) => ({ text, ids: tokenize(text) })).sort((a, b) => a.ids.length - b.ids.length);
  const part = (key: string, items: typeof sorted): Work => ({
    name: key,
    ids: items.map(({ ids }) => ids),
    texts: items.map(({ text }) => text),
  });
  return {
    sentences: name,
    works: [
      part(mainWork, sorted),
      many(mixedWork, spread(sizes.mixed)),
      ...sizes.lengths.map((length) =>
        many(
          lengthWork(length),
          Array.from({ length: sizes.tokens / length }, () => length),
        ),
      ),
      ...sizes.batches.map((batch) =>
        many(
          batchWork(batch),
          Array.from({ length: batch }, () => TYPICAL),
        ),
      ),
      many(checkIds, [3, 4, 5, 7, 10, 10, 12, 17, 33, 64, 90, 128]),
      part(
        checkTexts,
        sorted.filter((_, i) => i % Math.floor(sorted.length / 12) === 0),
      ),
    ],
  };
}

export const tokensOf = ({ ids }: Work): number => ids.reduce((sum, { length }) => sum + length, 0);

/** Multiplications and additions of the products and of attention, padding not counted, in GFLOP. */
export function gflopOf({ ids }: Work): number {
  const { hidden_size: H, intermediate_size: I, num_hidden_layers: layers } = seededConfig;
  const flops = ids.reduce((sum, { length: L }) => sum + L * (8 * H * H + 4 * H * I) + 4 * L * L * H, 0);
  return (layers * flops) / 1e9;
}
