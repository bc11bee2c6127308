import { fileOf } from "../formats/bytes.ts";
import type { Hostile } from "./hostile.ts";

/* safetensors files that break one rule of the format each, and bombs. */

const entry = (dtype: unknown, shape: unknown, offsets: unknown) => ({ dtype, shape, data_offsets: offsets });
const raw = (body: string) => `{"a":{${body}}}`;
const good = '"dtype":"U8","shape":[1],"data_offsets":[0,1]';
const text = (value: string) => new TextEncoder().encode(value);

export const RULES: readonly [string, ArrayBuffer, RegExp][] = [
  // N
  ["nothing", new ArrayBuffer(0), /byteLength = 0/],
  ["7 bytes", new ArrayBuffer(7), /byteLength = 7/],
  ["N of 100,000,001", fileOf("{}", 0, 100_000_001n), /header length = 100000001n: over the limit/],
  ["N of 100 MB over a 20-byte file", fileOf("{}          ", 0, 100_000_000n), /the file has 20 bytes/],
  ["N one past the end", fileOf("{}", 0, 3n), /the file has 10 bytes/],
  ["N of 2^63", fileOf("{}", 0, 2n ** 63n), /over the limit/],
  ["N of 2^64 - 1", fileOf("{}", 0, 2n ** 64n - 1n), /over the limit/],
  ["N of 0", fileOf("", 0), /belongs at byte 0, where its end stands/],
  ["a Git LFS pointer", text("version https://git-lfs.github.com/spec/v1\n").buffer, /git lfs pull/],
  ["a zip", text("PK\x03\x04\x14\x00\x08\x08 and so on").buffer, /zip file/],
  ["a web page", text("<!DOCTYPE html><html></html>").buffer, /web page/],
  // the text of the header
  ["bytes that are not UTF-8", fileOf(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), /not UTF-8/],
  ["a surrogate in UTF-8", fileOf(Uint8Array.of(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d)), /not UTF-8/],
  ["a byte order mark", fileOf("\ufeff{}"), /byte 0/],
  ["a list", fileOf("[]"), /\{ belongs at byte 0/],
  ["null", fileOf("null"), /\{ belongs/],
  ["an object without an end", fileOf(raw(good).slice(0, -1), 1), /\} belongs/],
  ["a string without an end", fileOf('{"a'), /" belongs/],
  ["a string ending in a backslash", fileOf('{"a\\'), /" belongs/],
  ["an unknown escape", fileOf('{"\\x":1}'), /a string of whole characters and escapes belongs/],
  ["a bare control character", fileOf('{"\n":1}'), /a string of whole characters and escapes belongs/],
  ["half a surrogate pair", fileOf(`{"\\ud800":{${good}}}`, 1), /whole characters/],
  ["a trailing comma", fileOf(`{"a":{${good}},}`, 1), /" belongs/],
  ["a comment", fileOf("{/**/}"), /" belongs/],
  ["text after the object", fileOf("{}x"), /the end of the header/],
  ["a zero byte after the object", fileOf("{}\0"), /the end of the header/],
  ["brackets 200 levels deep", fileOf(raw(`${good},"x":${"[".repeat(200)}${"]".repeat(200)}`), 1), /fewer levels/],
  ["objects 200 levels deep", fileOf(raw(`${good},"x":${'{"x":'.repeat(200)}1${"}".repeat(200)}`), 1), /fewer levels/],
  // duplicates
  ["a tensor twice", fileOf(`{"a":{${good}},"a":{${good}}}`, 1), /a: stands twice in the header/],
  ["a tensor twice, once escaped", fileOf(`{"a":{${good}},"\\u0061":{${good}}}`, 1), /a: stands twice/],
  ["a field twice", fileOf(raw(`${good},"shape":[1]`), 1), /shape: stands twice in a/],
  ["metadata twice", fileOf('{"__metadata__":{},"__metadata__":{}}'), /stands twice/],
  ["a metadata key twice", fileOf('{"__metadata__":{"k":"1","k":"2"}}'), /k: stands twice in __metadata__/],
  // metadata
  ["metadata that is a number", fileOf('{"__metadata__":{"k":1}}'), /__metadata__ k: metadata maps text to text/],
  ["metadata that is an object", fileOf('{"__metadata__":{"k":{}}}'), /text to text/],
  ["metadata that is null", fileOf('{"__metadata__":{"k":null}}'), /text to text/],
  ["metadata that is a list", fileOf('{"__metadata__":[]}'), /\{ belongs/],
  // the fields of a tensor
  ["a tensor that is a list", fileOf('{"a":["U8",[1],[0,1]]}', 1), /\{ belongs/],
  ["no dtype", fileOf({ a: { shape: [1], data_offsets: [0, 1] } }, 1), /a: a tensor needs dtype/],
  ["no shape", fileOf({ a: { dtype: "U8", data_offsets: [0, 1] } }, 1), /a tensor needs/],
  ["no offsets", fileOf({ a: { dtype: "U8", shape: [1] } }, 1), /a tensor needs/],
  ["three offsets", fileOf({ a: entry("U8", [1], [0, 1, 1]) }, 1), /a tensor needs/],
  ["one offset", fileOf({ a: entry("U8", [1], [0]) }, 1), /a tensor needs/],
  [
    "an unknown dtype",
    fileOf({ a: entry("F128", [1], [0, 16]) }, 16),
    /a dtype = "F128": not an element type of the format/,
  ],
  ["a dtype in small letters", fileOf({ a: entry("f32", [1], [0, 4]) }, 4), /not an element type/],
  ["a dtype from Object.prototype", fileOf({ a: entry("constructor", [1], [0, 1]) }, 1), /not an element type/],
  ["a dtype that is a number", fileOf({ a: entry(1, [1], [0, 1]) }, 1), /" belongs/],
  ["a negative size", fileOf({ a: entry("U8", [-1], [0, 1]) }, 1), /a whole number/],
  ["a size with a point", fileOf(raw('"dtype":"U8","shape":[1.0],"data_offsets":[0,1]'), 1), /a whole number/],
  ["a size with an exponent", fileOf(raw('"dtype":"U8","shape":[1e0],"data_offsets":[0,1]'), 1), /a whole number/],
  ["a size with a leading zero", fileOf(raw('"dtype":"U8","shape":[01],"data_offsets":[0,1]'), 1), /a whole number/],
  ["a size of minus zero", fileOf(raw('"dtype":"U8","shape":[-0],"data_offsets":[0,0]')), /a whole number/],
  ["a size that is text", fileOf({ a: entry("U8", ["1"], [0, 1]) }, 1), /a whole number/],
  ["a size that is null", fileOf({ a: entry("U8", [null], [0, 1]) }, 1), /a whole number/],
  ["a shape that is a number", fileOf({ a: entry("U8", 1, [0, 1]) }, 1), /\[ belongs/],
  [
    "a size of 2^53",
    fileOf(raw('"dtype":"U8","shape":[9007199254740992],"data_offsets":[0,1]'), 1),
    /a whole number under 10\^15/,
  ],
  [
    "a size of 2^64 and a zero",
    fileOf(raw('"dtype":"U8","shape":[18446744073709551616,0],"data_offsets":[0,0]')),
    /a whole number under 10\^15/,
  ],
  [
    "an offset of 2^53",
    fileOf(raw('"dtype":"U8","shape":[1],"data_offsets":[0,9007199254740992]'), 1),
    /a whole number under 10\^15/,
  ],
  ["a negative offset", fileOf({ a: entry("U8", [1], [-1, 0]) }, 1), /a whole number/],
  // sizes and places
  [
    "sizes whose product overflows",
    fileOf({ a: entry("U8", [2 ** 32, 2 ** 32], [0, 1]) }, 1),
    /a data_offsets = \[0,1\]: 1 bytes, but \[4294967296,4294967296\] of U8 takes NaN/,
  ],
  ["sizes that overflow before a zero", fileOf({ a: entry("U8", [2 ** 40, 2 ** 40, 0], [0, 0]) }), /of U8 takes NaN/],
  ["a size whose bits overflow", fileOf({ a: entry("F64", [2 ** 49, 4], [0, 0]) }), /of F64 takes NaN/],
  ["a size of 10^15", fileOf({ a: entry("U8", [10 ** 15, 0], [0, 0]) }), /a whole number under 10\^15/],
  ["an odd number of 4-bit elements", fileOf({ a: entry("F4", [3], [0, 1]) }, 1), /of F4 takes 1.5/],
  ["6-bit elements that end inside a byte", fileOf({ a: entry("F6_E2M3", [2], [0, 1]) }, 1), /of F6_E2M3 takes 1.5/],
  ["too few bytes for the shape", fileOf({ a: entry("F32", [2], [0, 4]) }, 4), /4 bytes, but \[2\] of F32 takes 8/],
  ["too many bytes for the shape", fileOf({ a: entry("F32", [1], [0, 8]) }, 8), /8 bytes, but \[1\] of F32 takes 4/],
  ["bytes for a tensor of none", fileOf({ a: entry("F32", [0], [0, 4]) }, 4), /takes 0/],
  ["a tensor of 65 axes", fileOf({ a: entry("U8", new Array(65).fill(1), [0, 1]) }, 1), /after 64 numbers/],
  ["no bytes for a scalar", fileOf({ a: entry("F32", [], [0, 0]) }), /takes 4/],
  [
    "an end before its beginning",
    fileOf({ a: entry("U8", [1], [1, 0]) }, 1),
    /a data_offsets = \[1,0\]: -1 bytes, but \[1\] of U8 takes 1/,
  ],
  ["a hole at the start", fileOf({ a: entry("U8", [1], [1, 2]) }, 2), /bytes 0 to 1 belong to no tensor/],
  ["a hole between", fileOf({ a: entry("U8", [1], [0, 1]), b: entry("U8", [1], [2, 3]) }, 3), /bytes 1 to 2 belong/],
  ["an overlap", fileOf({ a: entry("U8", [2], [0, 2]), b: entry("U8", [2], [1, 3]) }, 3), /b data_offsets .*overlaps/],
  ["the same bytes twice", fileOf({ a: entry("U8", [1], [0, 1]), b: entry("U8", [1], [0, 1]) }, 1), /overlaps/],
  [
    "a tensor beyond the file",
    fileOf({ a: entry("U8", [9], [0, 9]) }, 8),
    /take 9 bytes and the file holds 8: it is cut short/,
  ],
  ["a byte after the last tensor", fileOf({ a: entry("U8", [1], [0, 1]) }, 2), /bytes after the last tensor/],
  ["data and no tensor", fileOf("{}", 1), /bytes after the last tensor/],
];

const MANY = 100_001;
const TEXT = new TextEncoder();

/** A header of so many one-byte tensors. */
function manyTensors(count: number): ArrayBuffer {
  const parts: string[] = [];
  for (let i = 0; i < count; i++) parts.push(`"t${i}":{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`);
  return fileOf(`{${parts.join(",")}}`, count);
}

const BOMBS: readonly [string, () => ArrayBuffer, RegExp][] = [
  ["1,000,000 tensors", () => manyTensors(1_000_000), /header: more than 100000 tensors/],
  ["100,001 tensors", () => manyTensors(MANY), /header: more than 100000 tensors/],
  [
    "1,000,000 empty tensors",
    () => {
      const parts = Array.from(
        { length: 1_000_000 },
        (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`,
      );
      return fileOf(`{${parts.join(",")}}`);
    },
    /more than 100000 tensors/,
  ],
  [
    "a million fields nobody named",
    () => fileOf(raw(`${good},${Array.from({ length: 1_000_000 }, (_, i) => `"${i}":0`).join(",")}`), 1),
    /header: more members and values/,
  ],
  ["a list of ten million numbers", () => fileOf(raw(`${good},"x":[${"1,".repeat(10_000_000)}1]`), 1), /more members/],
  ["ten million brackets", () => fileOf(raw(`${good},"x":[${"[],".repeat(10_000_000)}1]`), 1), /more members/],
  ["ten million levels", () => fileOf(raw(`${good},"x":${"[".repeat(10_000_000)}`), 1), /more members and values/],
  ["ten million levels of objects", () => fileOf(`{"a":`.repeat(2_000_000)), /more than 100000 tensors/],
  [
    "a string of 30 MB",
    () => fileOf(`{"${"a".repeat(30_000_000)}":1}`),
    /header: more text than names: raise maxTensors/,
  ],
  [
    "a string of 18 MB of escapes",
    () => fileOf(`{"${"\\u0061".repeat(3_000_000)}":1}`),
    /header: more text than names: raise maxTensors/,
  ],
  [
    "a string of 30 MB of Korean",
    () => fileOf(`{"${"한".repeat(10_000_000)}":1}`),
    /header: more text than names: raise maxTensors/,
  ],
  ["30 MB of spaces", () => fileOf(`{${" ".repeat(30_000_000)}`), /" belongs/],
  ["95 MB of spaces", () => fileOf(`{${" ".repeat(95_000_000)}`), /" belongs/],
  [
    "a million metadata",
    () => fileOf(`{"__metadata__":{${Array.from({ length: 1_000_000 }, (_, i) => `"${i}":""`).join(",")}}}`),
    /more members/,
  ],
  ["a header of 100 MB that is not there", () => fileOf("{}", 0, 99_999_999n), /header length = 99999999n/],
  [
    "a shape of 10^15",
    () => fileOf(raw('"dtype":"F32","shape":[1000000000000000],"data_offsets":[0,1]'), 1),
    /a whole number under 10\^15/,
  ],
  ["an offset of 1e3", () => fileOf(raw('"dtype":"U8","shape":[1],"data_offsets":[0,1e0]'), 1), /a whole number/],
  ["an offset of 1.0", () => fileOf(raw('"dtype":"U8","shape":[1],"data_offsets":[0,1.0]'), 1), /a whole number/],
  ["an offset of 0.5", () => fileOf(raw('"dtype":"U8","shape":[1],"data_offsets":[0.5,1]'), 1), /a whole number/],
  [
    "an offset of 2^64",
    () => fileOf(raw('"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551616]'), 1),
    /a whole number under 10\^15/,
  ],
  [
    "an offset of Infinity",
    () => fileOf(raw('"dtype":"U8","shape":[1],"data_offsets":[0,Infinity]'), 1),
    /whole number/,
  ],
  ["an offset of true", () => fileOf(raw('"dtype":"U8","shape":[1],"data_offsets":[false,true]'), 1), /whole number/],
  ["a tensor named __proto__ that is null", () => fileOf('{"__proto__":null}'), /\{ belongs/],
  ["a tensor named __proto__ twice", () => fileOf(`{"__proto__":{${good}},"__proto__":{${good}}}`, 1), /stands twice/],
  [
    "a field named __proto__ for dtype",
    () => fileOf('{"a":{"__proto__":{"dtype":"U8"},"shape":[1],"data_offsets":[0,1]}}', 1),
    /a tensor needs/,
  ],
  ["a dtype of __proto__", () => fileOf({ a: entry("__proto__", [1], [0, 1]) }, 1), /not an element type/],
  ["a dtype of hasOwnProperty", () => fileOf({ a: entry("hasOwnProperty", [1], [0, 1]) }, 1), /not an element type/],
  ["a PyTorch file under this name", () => TEXT.encode("PK\x03\x04aaaaaaaaaaaaaaaa").buffer as ArrayBuffer, /zip file/],
  [
    "a pickle under this name",
    () => Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9).buffer,
    /header length/,
  ],
  ["JSON under this name", () => TEXT.encode('{"weight_map":{}}').buffer as ArrayBuffer, /web page or JSON/],
];

export const SAFETENSORS: readonly Hostile[] = [
  ...RULES.map(([name, bytes, says]): Hostile => ({ name, file: "model.safetensors", bytes: () => bytes, says })),
  ...BOMBS.map(([name, bytes, says]): Hostile => ({ name, file: "model.safetensors", bytes, says })),
];
