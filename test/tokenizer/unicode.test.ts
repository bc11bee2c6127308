import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fullTables } from "../../src/tokenizer/full-tables.ts";
import type { WordPieceTokenizer } from "../../src/tokenizer/index.ts";
import { type Decompositions, pairKey, unicodeSource } from "../../src/tokenizer/unicode-source.ts";

// The engine under the tests is of one Unicode version. These tests put others in its place, older and newer than the reference's tables.
const { normalize, toLowerCase } = String.prototype;
const real = fullTables.decompositions();
const lower = fullTables.lowerCase();

/** Code points of younger Unicode versions than the reference's, as far as the engine under the tests knows them. */
const YOUNG = ["\u{105c9}", "\u{11938}", "\u{16d68}", "\u1acf", "\u0897", "\u{1e4ec}"];

function put(method: "normalize" | "toLowerCase", to: unknown): void {
  Object.defineProperty(String.prototype, method, { value: to, configurable: true, writable: true });
}

/** An engine in which every code point without a meaning today decomposes, is a mark, or has a lower case. */
function newerEngine(): void {
  const known = new Set([...real.decomposed.keys(), ...real.ranks.keys()]);
  for (const points of real.decomposed.values()) for (const c of points) known.add(c);
  put("normalize", function (this: string, form: string) {
    const text = Array.from(String(this), (x) => {
      const c = x.codePointAt(0) as number;
      return known.has(c) || !/\p{Cn}/u.test(x) ? x : c & 1 ? "y\u0334" : "\u0301";
    });
    return normalize.call(text.join(""), form);
  });
  put("toLowerCase", function (this: string) {
    return /^\p{Cn}$/u.test(String(this)) ? "y" : toLowerCase.call(String(this));
  });
}

/** A tokenizer whose modules were loaded afresh, so that nothing is known of another engine. */
async function freshTokenizer(setup?: () => Promise<unknown>): Promise<(normalize?: "NFC") => WordPieceTokenizer> {
  vi.resetModules();
  await setup?.();
  const { WordPieceTokenizer } = await import("../../src/tokenizer/index.ts");
  const tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "e", "a", "é", "ᄀ", "##ᅡ", "가"];
  return (form) =>
    WordPieceTokenizer.fromFiles({ "vocab.txt": tokens.join("\n") }, form === undefined ? {} : { normalize: form });
}

afterEach(() => {
  put("normalize", normalize);
  put("toLowerCase", toLowerCase);
});

const inOrder = <V>(map: ReadonlyMap<number, V>): [number, V][] => [...map].sort(([a], [b]) => a - b);
function expectEqual(found: Decompositions, expected: Decompositions): void {
  expect(inOrder(found.decomposed)).toEqual(inOrder(expected.decomposed));
  expect(inOrder(found.composed)).toEqual(inOrder(expected.composed));
  expect(inOrder(found.ranks)).toEqual(inOrder(expected.ranks));
}

describe("what the engine answers equals the tables written out", () => {
  test("in this engine", () => {
    expect(real.decomposed.size).toBe(2060);
    expect(real.ranks.size).toBe(810);
    expect(real.composed.get(pairKey(0x65, 0x301))).toBe(0xe9);
    expectEqual(unicodeSource().decompositions(), real);
    expect(lower.size).toBe(1488);
    expect(inOrder(unicodeSource().lowerCase())).toEqual(inOrder(lower));
  });

  test("in one where every code point without a meaning today has got one", () => {
    newerEngine();
    expect("\u0378".normalize("NFD")).not.toBe("\u0378");
    expect("\u0378".toLowerCase()).toBe("y");
    expectEqual(unicodeSource().decompositions(), real);
    expect(inOrder(unicodeSource().lowerCase())).toEqual(inOrder(lower));
  });

  test("in one that knows no character younger than the reference's own tables", () => {
    const known = (x: string): boolean => {
      const c = x.codePointAt(0) as number;
      return real.decomposed.has(c) || real.ranks.has(c) || normalize.call(`\u0345${x}\u0334`, "NFD")[1] === x;
    };
    expect(YOUNG.filter((x) => !known(x)).length).toBeGreaterThan(3);
    // What it does not know stays where it is; between that, the answer is this engine's.
    put("normalize", function (this: string, form: string) {
      const parts: string[] = [""];
      for (const x of String(this)) {
        if (known(x)) parts[parts.length - 1] += x;
        else parts.push(x, "");
      }
      return parts.map((part, i) => (i & 1 ? part : normalize.call(part, form))).join("");
    });
    expectEqual(unicodeSource().decompositions(), real);
  });
});

describe("an engine that answers otherwise", () => {
  const broken: [what: string, method: "normalize" | "toLowerCase", to: unknown][] = [
    ["lacks normalize", "normalize", undefined],
    ["does not decompose one character", "normalize", function (this: string, form: string) {
        return String(this) === "\u1ffd" ? "\u1ffd" : normalize.call(this, form);
      }],
    ["composes one that must stay apart", "normalize", function (this: string, form: string) {
        return String(this) === "\u0958" && form === "NFC" ? "\u0958" : normalize.call(this, form);
      }],
    ["knows no order of marks", "normalize", function (this: string, form: string) {
        return [...String(this)].map((x) => normalize.call(x, form)).join("");
      }],
    ["has only ASCII's lower case", "toLowerCase", function (this: string) {
        return String(this).replace(/[A-Z]/g, (x) => toLowerCase.call(x));
      }],
  ]; // biome-ignore format: a table

  test.each(broken)("%s: is refused by name", async (_, method, to) => {
    const make = await freshTokenizer();
    put(method, to);
    expect(make).toThrow(
      `String.prototype.${method}: of this runtime knows another Unicode; \`import "munjang/unicode"\``,
    );
  });

  test.each(broken)("%s: is not asked where munjang/unicode is imported", async (_, method, to) => {
    const make = await freshTokenizer(() => import("../../src/unicode.ts"));
    put(method, to);
    expect([...make().encode("É 가 A").ids]).toEqual([2, 4, 7, 8, 5, 3]);
  });

  test.each(broken)("%s: does not matter to a cased tokenizer", async (_, method, to) => {
    vi.resetModules();
    const { WordPieceTokenizer } = await import("../../src/tokenizer/index.ts");
    put(method, to);
    const files = { "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\n가", "tokenizer_config.json": '{"do_lower_case":false}' };
    expect([...WordPieceTokenizer.fromFiles(files).encode("가 A").ids]).toEqual([2, 4, 1, 3]);
  });
});

describe("texts with characters younger than the reference", () => {
  let ids: number[][];
  const texts = YOUNG.map((x) => `e\u0301${x} É${x} a${x}\u0301 가${x}`);
  beforeEach(async () => {
    const make = await freshTokenizer(() => import("../../src/unicode.ts"));
    ids = [make(), make("NFC")].flatMap((tokenizer) => texts.map((text) => [...tokenizer.encode(text).ids]));
  });

  test("have the same ids in a newer engine", async () => {
    newerEngine();
    const make = await freshTokenizer();
    const found = [make(), make("NFC")].flatMap((tokenizer) => texts.map((text) => [...tokenizer.encode(text).ids]));
    expect(found).toEqual(ids);
  });
});
