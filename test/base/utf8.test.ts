import { describe, expect, it } from "vitest";
import { Utf8Decoder, Utf8Encoder } from "../../src/base/utf8.ts";
import { randomNumbers } from "../random.ts";

/* What stands in for TextEncoder and TextDecoder, beside the engine's own. */

const real = { encoder: new TextEncoder(), decoder: new TextDecoder() };
const ours = { encoder: new Utf8Encoder(), decoder: new Utf8Decoder() };

/** Whole numbers below a bound. */
function random(seed: number): (bound: number) => number {
  const numbers = randomNumbers(seed);
  return (bound) => Math.floor(((numbers(1)[0] + 1) / 2) * bound) % bound;
}

type Options = { fatal?: boolean; ignoreBOM?: boolean };
const OPTIONS: Options[] = [{}, { fatal: true }, { ignoreBOM: true }, { fatal: true, ignoreBOM: true }];

/** The text, or that the bytes were refused with a TypeError, as a pair of decoders sees it. */
function bothOf(bytes: Uint8Array, options: Options): [unknown, unknown] {
  const seen = [TextDecoder, Utf8Decoder].map((Decoder) => {
    try {
      return new Decoder("utf-8", options).decode(bytes);
    } catch (error) {
      return error instanceof TypeError ? "refused" : error;
    }
  });
  return [seen[0], seen[1]];
}

/** The same, in pieces. */
function inPieces(Decoder: typeof TextDecoder | typeof Utf8Decoder, pieces: Uint8Array[], options: Options): unknown {
  const decoder = new Decoder("utf-8", options);
  try {
    return pieces.map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode();
  } catch (error) {
    return error instanceof TypeError ? "refused" : error;
  }
}

describe("encoding", () => {
  it("every code point, lone surrogates among them", () => {
    let all = "";
    const wrong: number[] = [];
    for (let point = 0; point <= 0x10ffff; point++) {
      all = String.fromCodePoint(point);
      const [a, b] = [real.encoder.encode(all), ours.encoder.encode(all)];
      if (a.length !== b.length || a.some((byte, i) => byte !== b[i])) wrong.push(point);
    }
    expect(wrong).toEqual([]);
  });

  it("strings of random units", () => {
    const next = random(1);
    for (let n = 0; n < 5000; n++) {
      const units = Array.from({ length: next(20) }, () => [next(0x80), next(0x10000), 0xd7f0 + next(0x820)][next(3)]);
      const text = String.fromCharCode(...units);
      expect(ours.encoder.encode(text), JSON.stringify(text)).toEqual(real.encoder.encode(text));
    }
  });

  it("nothing, and what is no string", () => {
    expect(ours.encoder.encode()).toEqual(new Uint8Array(0));
    expect(ours.encoder.encode(12 as unknown as string)).toEqual(real.encoder.encode("12"));
    expect(ours.encoder.encoding).toBe("utf-8");
  });
});

describe("decoding", () => {
  it("every code point", () => {
    const wrong: number[] = [];
    for (let point = 0; point <= 0x10ffff; point++) {
      const bytes = real.encoder.encode(`a${String.fromCodePoint(point)}`);
      if (ours.decoder.decode(bytes) !== real.decoder.decode(bytes)) wrong.push(point);
    }
    expect(wrong).toEqual([]);
  });

  it("every two bytes, and every three of the bytes where rules change", () => {
    const wrong: number[][] = [];
    const same = (...bytes: number[]): void => {
      for (const options of [OPTIONS[0], OPTIONS[1]]) {
        const [a, b] = bothOf(Uint8Array.from(bytes), options);
        if (a !== b) wrong.push(bytes);
      }
    };
    for (let i = 0; i < 256; i++) for (let j = 0; j < 256; j++) same(i, j);
    const edges = [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed];
    edges.push(0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff);
    for (const i of edges) for (const j of edges) for (const k of edges) same(i, j, k);
    expect(wrong).toEqual([]);
  }, 120_000);

  it("random bytes, whole and in pieces, byte order marks among them", () => {
    const next = random(2);
    const text = "가 a é 🙂 \ufeff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}";
    const valid = real.encoder.encode(text);
    for (let n = 0; n < 20_000; n++) {
      const bytes = Array.from({ length: next(24) }, () => [next(256), 0x80 + next(0x80), 0xe0 + next(0x20)][next(3)]);
      if (next(2) === 0) bytes.splice(next(bytes.length + 1), 0, ...valid.subarray(next(20), next(valid.length)));
      if (next(4) === 0) bytes.unshift(0xef, 0xbb, 0xbf);
      const whole = Uint8Array.from(bytes);
      const options = OPTIONS[next(OPTIONS.length)];
      const [a, b] = bothOf(whole, options);
      expect(b, `${whole} ${JSON.stringify(options)}`).toBe(a);
      const cuts = [next(whole.length + 1), next(whole.length + 1)].sort((x, y) => x - y);
      const pieces = [whole.slice(0, cuts[0]), whole.slice(cuts[0], cuts[1]), whole.slice(cuts[1])];
      const streamed = inPieces(TextDecoder, pieces, options);
      expect(inPieces(Utf8Decoder, pieces, options), `${pieces.join("|")} ${JSON.stringify(options)}`).toBe(streamed);
    }
  });

  it("a decoder again and again, also after it has refused", () => {
    const decoder = new Utf8Decoder("utf-8", { fatal: true });
    for (let n = 0; n < 2; n++) {
      expect(() => decoder.decode(Uint8Array.of(0xe0, 0x80))).toThrow(TypeError);
      expect(decoder.decode(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe("a");
    }
    expect(decoder).toMatchObject({ encoding: "utf-8", fatal: true, ignoreBOM: false });
  });

  it("long texts, buffers, and views that begin in the middle", () => {
    const long = "한국어 🙂 ".repeat(10_000);
    const bytes = real.encoder.encode(long);
    expect(ours.decoder.decode(bytes)).toBe(long);
    expect(ours.decoder.decode(bytes.buffer)).toBe(long);
    expect(ours.decoder.decode(new DataView(bytes.buffer, 3, 6))).toBe("국어");
    expect(ours.decoder.decode()).toBe("");
  });

  it("knows UTF-8 by its names, and nothing else", () => {
    for (const label of ["utf8", "UTF-8", " utf-8\n", "unicode-1-1-utf-8", "x-unicode20utf8"]) {
      expect(new TextDecoder(label).encoding).toBe("utf-8");
      expect(new Utf8Decoder(label).encoding).toBe("utf-8");
    }
    for (const label of ["latin1", "utf-16", "", "utf_8", "\u00a0utf-8"]) {
      expect(() => new Utf8Decoder(label), label).toThrow(RangeError);
    }
  });
});
