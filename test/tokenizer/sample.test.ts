import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type EncodeOptions, type Encoding, WordPieceTokenizer } from "../../src/tokenizer/index.ts";
import { configurations, filesOf } from "./configurations.ts";
import { vocabulary } from "./generate.ts";

interface Sample {
  readonly versions: { readonly tokenizers: string };
  readonly vocabulary: string;
  readonly configurations: readonly {
    readonly name: string;
    readonly texts: readonly string[];
    readonly options: readonly EncodeOptions[];
    readonly ids: readonly (readonly number[])[];
    /** Digest of tokens, offsets, type ids and `truncated`. */
    readonly rest: readonly string[];
  }[];
}

const sample: Sample = JSON.parse(
  gunzipSync(readFileSync(new URL("fixtures/sample.json.gz", import.meta.url))).toString(),
);
const tokens = vocabulary();
const sets = configurations(new Map(tokens.map((token, id) => [token, id] as const)));

function rest({ tokens, offsets, typeIds, truncated }: Encoding): string {
  const text = JSON.stringify([tokens, offsets, [...typeIds], truncated]);
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

describe("generated texts, against tokenizers 0.23 in Python", () => {
  test("the sample is the one the reference was asked about", () => {
    expect(createHash("sha256").update(tokens.join("\n")).digest("hex")).toBe(sample.vocabulary);
    expect(sample.versions.tokenizers).toMatch(/^0\.23\./);
    expect(sample.configurations.map(({ name }) => name)).toEqual(sets.map(({ name }) => name));
    expect(sample.configurations.reduce((n, { texts }) => n + texts.length, 0)).toBeGreaterThanOrEqual(20_000);
  });

  test.each(sets.map((set, i) => [set.name, i] as const))("%s", (_, i) => {
    const tokenizer = WordPieceTokenizer.fromFiles(filesOf(sets[i], tokens), sets[i].options);
    const { texts, options, ids, rest: digests } = sample.configurations[i];
    const wrong: unknown[] = [];
    texts.forEach((text, n) => {
      const got = tokenizer.encode(text, options[n]);
      if (got.ids.join() !== ids[n].join())
        wrong.push({ text, options: options[n], got: [...got.ids], expected: ids[n] });
      else if (rest(got) !== digests[n])
        wrong.push({ text, options: options[n], tokens: got.tokens, offsets: got.offsets });
    });
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(wrong.length).toBe(0);
  });
});
