import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { WordPieceTokenizer } from "../../src/tokenizer/index.ts";
import { bert, filesOf, generatedAdded, tokenizerJson } from "../tokenizer/configurations.ts";
import { random, text, vocabulary } from "../tokenizer/generate.ts";

// Random texts against the Rust library itself, through its Node binding in bench/rivals. MUNJANG_FUZZ is the number of texts, MUNJANG_SEED
// the seed; MUNJANG_KR_SBERT names a folder with KR-SBERT's files.
const COUNT = Number(process.env.MUNJANG_FUZZ ?? 1_000_000);
const SEED = Number(process.env.MUNJANG_SEED ?? 1);
const BATCH = 1000;

interface Rust {
  readonly Tokenizer: { fromString(json: string): RustTokenizer };
}
interface RustTokenizer {
  encode(text: string, pair: string): Promise<RustEncoding>;
  encodeBatch(texts: string[]): Promise<RustEncoding[]>;
  disablePadding(): void;
  disableTruncation(): void;
}
interface RustEncoding {
  getIds(): number[];
  getTypeIds(): number[];
  getTokens(): string[];
  getOffsets(): number[][];
  getSequenceIds(): (number | null)[];
}

const rivals = new URL("../../bench/rivals/package.json", import.meta.url);
const installed = existsSync(new URL("node_modules/tokenizers/package.json", rivals));
const folder = process.env.MUNJANG_KR_SBERT;
const real = folder !== undefined && existsSync(join(folder, "vocab.txt"));

const generated = vocabulary();
const korean = real ? readFileSync(join(folder, "vocab.txt"), "utf8").trimEnd().split("\n") : [];

// The default reporter does not name what it skips.
if (!installed) console.warn("SKIPPED: the Rust library is missing; run npm ci in bench/rivals");
if (!real) console.warn("SKIPPED: KR-SBERT's vocabulary; MUNJANG_KR_SBERT names no folder with vocab.txt");

/** By name: the normaliser, the words to add, and our own option. */
const setups: Record<string, { normalizer: object; added?: boolean; normalize?: "NFC" }> = {
  cased: { normalizer: bert(false) },
  uncased: { normalizer: bert(true) },
  "cased, NFC": { normalizer: bert(false), normalize: "NFC" },
  "uncased, NFC": { normalizer: bert(true), normalize: "NFC" },
  "lower case, accents kept": { normalizer: bert(true, false) },
  "accents stripped, case kept": { normalizer: bert(false, true) },
  "nothing cleaned": { normalizer: bert(false, false, false, false) },
  "added tokens, uncased": { normalizer: bert(true), added: true },
};
const vocabularies = {
  generated: [generated, Object.keys(setups)],
  "KR-SBERT": [korean, Object.keys(setups).slice(0, 4)],
} as const;
const runs = Object.entries(vocabularies).flatMap(([name, [tokens, names]]) =>
  names.map((setup) => ({ name, tokens, setup })),
);

/** What the binding gets: no lone halves of surrogate pairs, which it would refuse or replace by rules of its own. */
function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}

/** UTF-16 index of every code point of a text, and its end. */
function places(text: string): number[] {
  const out = [0];
  for (const c of text) out.push(out[out.length - 1] + c.length);
  return out;
}

describe.skipIf(!installed)(
  `random texts against the Rust library${installed ? "" : ": skipped, run npm ci in bench/rivals"}`,
  () => {
    test.skipIf(!real)("KR-SBERT's vocabulary is at hand: MUNJANG_KR_SBERT names its folder", () => {
      expect(korean.length).toBe(40_000);
    });

    test.each(runs.filter(({ tokens }) => tokens.length > 0))("$name, $setup", async ({ tokens, setup, name }) => {
      const { Tokenizer } = createRequire(rivals)("tokenizers") as Rust;
      const ids = new Map(tokens.map((token, id) => [token, id] as const));
      const { normalizer, added, normalize } = setups[setup];
      const json = tokenizerJson(normalizer, added ? generatedAdded(tokens.length) : [], ids);
      const files = filesOf(
        { name: setup, vocabulary: "tokenizer.json", options: {}, files: { "tokenizer.json": JSON.stringify(json) } },
        tokens,
      );
      const tokenizer = WordPieceTokenizer.fromFiles(files, { normalize });
      const forRust = JSON.parse(files["tokenizer.json"] as string);
      if (normalize === "NFC") forRust.normalizer = { type: "Sequence", normalizers: [{ type: "NFC" }, normalizer] };
      const rust = Tokenizer.fromString(JSON.stringify(forRust));
      rust.disablePadding();
      rust.disableTruncation();

      // KR-SBERT's runs carry half of the texts where its vocabulary is at hand.
      const share = Math.ceil(COUNT / (real ? 2 : 1) / runs.filter((run) => run.name === name).length);
      const next = random(SEED * 7919 + setup.length * 31 + name.length);
      const wrong: unknown[] = [];
      let done = 0;
      for (; done < share && wrong.length < 5; done += BATCH) {
        const texts = Array.from({ length: BATCH }, () =>
          next() < 0.05 ? [text(next, tokens), text(next, tokens)] : [text(next, tokens)],
        );
        // The binding takes no pairs in a batch.
        const singles = texts.map(([first, pair]) => (pair === undefined ? wellFormed(first) : ""));
        const theirs = await rust.encodeBatch(singles);
        for (const [i, [first, pair]] of texts.entries()) {
          if (pair !== undefined) theirs[i] = await rust.encode(wellFormed(first), wellFormed(pair));
        }
        texts.forEach(([first, pair], i) => {
          const ours = tokenizer.encode(first, { pair });
          const [expected, types] = [theirs[i].getIds(), theirs[i].getTypeIds()];
          const same = (a: Int32Array, b: number[]): boolean =>
            a.length === b.length && a.every((id, n) => id === b[n]);
          if (!same(ours.ids, expected) || !same(ours.typeIds, types)) {
            wrong.push({ first, pair, ours: [...ours.ids], expected });
          } else {
            const at = [places(first), places(pair ?? "")];
            const sequences = theirs[i].getSequenceIds();
            const offsets = theirs[i].getOffsets().map(([start, end], n) => {
              const sequence = sequences[n];
              return typeof sequence === "number" ? [at[sequence][start], at[sequence][end]] : [0, 0];
            });
            if (JSON.stringify([ours.tokens, ours.offsets]) !== JSON.stringify([theirs[i].getTokens(), offsets])) {
              wrong.push({
                first,
                pair,
                tokens: ours.tokens,
                offsets: ours.offsets,
                expected: [theirs[i].getTokens(), offsets],
              });
            }
          }
        });
      }
      expect(wrong).toEqual([]);
      expect(done).toBeGreaterThanOrEqual(share);
      console.log(`${name}, ${setup}: ${done} texts equal`);
    });
  },
);
