import { expect, test } from "vitest";
import { ModelError, openSafetensors } from "../../src/formats/safetensors.ts";
import { counting, fileOf, seeded } from "./bytes.ts";

async function refusal(
  bytes: ArrayBuffer | { byteLength: number; slice(a: number, b: number): unknown },
): Promise<string> {
  try {
    await openSafetensors(bytes as ArrayBuffer, "w.safetensors");
  } catch (error) {
    expect(error).toBeInstanceOf(ModelError);
    expect((error as ModelError).file).toBe("w.safetensors");
    expect((error as ModelError).message).not.toMatch(/[\n\r]/);
    expect((error as ModelError).message.length).toBeLessThan(400);
    return (error as ModelError).message;
  }
  return "accepted";
}

const entry = (dtype: unknown, shape: unknown, offsets: unknown) => ({ dtype, shape, data_offsets: offsets });
const raw = (body: string) => `{"a":{${body}}}`;
const good = '"dtype":"U8","shape":[1],"data_offsets":[0,1]';
const text = (value: string) => new TextEncoder().encode(value);

const refused: [string, ArrayBuffer, RegExp][] = [
  // N
  ["nothing", new ArrayBuffer(0), /byteLength = 0/],
  ["7 bytes", new ArrayBuffer(7), /byteLength = 7/],
  ["N of 100,000,001", fileOf("{}", 0, 100_000_001n), /header length = 100000001n: over the limit/],
  ["N of 100 MB over a 20-byte file", fileOf("{}          ", 0, 100_000_000n), /the file has 20 bytes/],
  ["N one past the end", fileOf("{}", 0, 3n), /the file has 10 bytes/],
  ["N of 2^63", fileOf("{}", 0, 2n ** 63n), /over the limit/],
  ["N of 2^64 - 1", fileOf("{}", 0, 2n ** 64n - 1n), /over the limit/],
  ["N of 0", fileOf("", 0), /belongs at character 0, where its end stands/],
  ["a Git LFS pointer", text("version https://git-lfs.github.com/spec/v1\n").buffer, /git lfs pull/],
  ["a zip", text("PK\x03\x04\x14\x00\x08\x08 and so on").buffer, /zip file/],
  ["a web page", text("<!DOCTYPE html><html></html>").buffer, /web page/],
  // the text of the header
  ["bytes that are not UTF-8", fileOf(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), /not UTF-8/],
  ["a surrogate in UTF-8", fileOf(Uint8Array.of(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d)), /not UTF-8/],
  ["a byte order mark", fileOf("\ufeff{}"), /character 0/],
  ["a list", fileOf("[]"), /\{ belongs at character 0/],
  ["null", fileOf("null"), /\{ belongs/],
  ["an object without an end", fileOf(raw(good).slice(0, -1), 1), /\} belongs/],
  ["a string without an end", fileOf('{"a'), /" belongs/],
  ["a string ending in a backslash", fileOf('{"a\\'), /" belongs/],
  ["an unknown escape", fileOf('{"\\x":1}'), /a string belongs/],
  ["a bare control character", fileOf('{"\n":1}'), /a string belongs/],
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
  ["an unknown dtype", fileOf({ a: entry("F128", [1], [0, 16]) }, 16), /a dtype = "F128": not an element type/],
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
  ["a size of 2^53", fileOf(raw('"dtype":"U8","shape":[9007199254740992],"data_offsets":[0,1]'), 1), /too large/],
  [
    "a size of 2^64 and a zero",
    fileOf(raw('"dtype":"U8","shape":[18446744073709551616,0],"data_offsets":[0,0]')),
    /2\^53/,
  ],
  ["an offset of 2^53", fileOf(raw('"dtype":"U8","shape":[1],"data_offsets":[0,9007199254740992]'), 1), /too large/],
  ["a negative offset", fileOf({ a: entry("U8", [1], [-1, 0]) }, 1), /a whole number/],
  // sizes and places
  [
    "sizes whose product overflows",
    fileOf({ a: entry("U8", [2 ** 32, 2 ** 32], [0, 1]) }, 1),
    /cannot|not a whole number of bytes/,
  ],
  [
    "sizes that overflow before a zero",
    fileOf({ a: entry("U8", [2 ** 40, 2 ** 40, 0], [0, 0]) }),
    /not a whole number of bytes/,
  ],
  ["a size whose bits overflow", fileOf({ a: entry("F64", [2 ** 52], [0, 0]) }), /not a whole number of bytes/],
  ["an odd number of 4-bit elements", fileOf({ a: entry("F4", [3], [0, 1]) }, 1), /not a whole number of bytes/],
  ["6-bit elements that end inside a byte", fileOf({ a: entry("F6_E2M3", [2], [0, 1]) }, 1), /not a whole number/],
  ["too few bytes for the shape", fileOf({ a: entry("F32", [2], [0, 4]) }, 4), /4 bytes, but \[2\] of F32 takes 8/],
  ["too many bytes for the shape", fileOf({ a: entry("F32", [1], [0, 8]) }, 8), /8 bytes, but \[1\] of F32 takes 4/],
  ["bytes for a tensor of none", fileOf({ a: entry("F32", [0], [0, 4]) }, 4), /takes 0/],
  ["a tensor of 65 axes", fileOf({ a: entry("U8", new Array(65).fill(1), [0, 1]) }, 1), /after 64 numbers/],
  ["no bytes for a scalar", fileOf({ a: entry("F32", [], [0, 0]) }), /takes 4/],
  ["an end before its beginning", fileOf({ a: entry("U8", [1], [1, 0]) }, 1), /the end comes before the beginning/],
  ["a hole at the start", fileOf({ a: entry("U8", [1], [1, 2]) }, 2), /bytes 0 to 1 belong to no tensor/],
  ["a hole between", fileOf({ a: entry("U8", [1], [0, 1]), b: entry("U8", [1], [2, 3]) }, 3), /bytes 1 to 2 belong/],
  ["an overlap", fileOf({ a: entry("U8", [2], [0, 2]), b: entry("U8", [2], [1, 3]) }, 3), /b data_offsets .*overlaps/],
  ["the same bytes twice", fileOf({ a: entry("U8", [1], [0, 1]), b: entry("U8", [1], [0, 1]) }, 1), /overlaps/],
  [
    "a tensor beyond the file",
    fileOf({ a: entry("U8", [9], [0, 9]) }, 8),
    /take 9 bytes and the file holds 8: the file is cut short/,
  ],
  ["a byte after the last tensor", fileOf({ a: entry("U8", [1], [0, 1]) }, 2), /bytes after the last tensor/],
  ["data and no tensor", fileOf("{}", 1), /bytes after the last tensor/],
];

test.each(refused)("refused: %s", async (_, bytes, message) => {
  expect(await refusal(bytes)).toMatch(message);
});

const accepted: [string, ArrayBuffer, string[]][] = [
  ["no tensor at all", fileOf("{}"), []],
  ["spaces before the header", fileOf(`\n\t  ${raw(good)}`, 1), ["a"]],
  ["spaces after the header", fileOf(`${raw(good)} \n  `, 1), ["a"]],
  [
    "spaces everywhere",
    fileOf(' { "a" : { "dtype" : "U8" , "shape" : [ 1 , 1 ] , "data_offsets" : [ 0 , 1 ] } } ', 1),
    ["a"],
  ],
  ["metadata that is null as a whole", fileOf('{"__metadata__":null}'), []],
  ["fields the format does not name", fileOf(raw(`${good},"x":[{"y":-1.5e3},[],{},true,false,null,"s"]`), 1), ["a"]],
  ["a tensor named __proto__", fileOf(`{"__proto__":{${good}}}`, 1), ["__proto__"]],
  ["an empty name", fileOf(`{"":{${good}}}`, 1), [""]],
  [
    "empty tensors between others",
    fileOf({ c: entry("U8", [1], [0, 1]), b: entry("F64", [0, 9], [1, 1]), a: entry("U8", [1], [1, 2]) }, 2),
    ["c", "b", "a"],
  ],
  [
    "names in another order than the data",
    fileOf({ b: entry("U8", [1], [1, 2]), a: entry("U8", [1], [0, 1]) }, 2),
    ["a", "b"],
  ],
  [
    "types JavaScript has no array for",
    fileOf({ a: entry("F4", [2], [0, 1]), b: entry("F6_E3M2", [4], [1, 4]), c: entry("C64", [1], [4, 12]) }, 12),
    ["a", "b", "c"],
  ],
];

test.each(accepted)("accepted: %s", async (_, bytes, names) => {
  expect([...(await openSafetensors(bytes)).tensors.keys()]).toEqual(names);
});

test("a length that lies is refused before anything is read or allocated for it", async () => {
  for (const stated of [100_000_000n, 2n ** 40n]) {
    const source = counting(fileOf("{}", 10, stated));
    expect(await refusal(source)).toMatch(/header length/);
    expect(source.reads).toEqual([[0, 8]]);
  }
});

test("a source that gives fewer or more bytes than asked for is an error", async () => {
  const whole = fileOf({ a: entry("U8", [4], [0, 4]) }, 4);
  expect(await refusal(counting(whole.slice(0, 5), whole.byteLength))).toMatch(
    /bytes 0 to 8 were asked for and 5 came/,
  );
  expect(await refusal(counting(whole.slice(0, 20), whole.byteLength))).toMatch(/header: bytes 8 to .* 12 came/);
  const cut = counting(whole.slice(0, whole.byteLength - 1), whole.byteLength);
  await expect((await openSafetensors(cut)).read("a")).rejects.toThrow(/a: bytes .* were asked for and 3 came/);
  const greedy = { byteLength: whole.byteLength, slice: () => whole };
  expect(await refusal(greedy)).toMatch(/asked for/);
  expect(await refusal({ byteLength: NaN, slice: () => whole })).toMatch(/byteLength/);
  expect(await refusal({ byteLength: 2 ** 60, slice: () => whole })).toMatch(/byteLength/);
});

test("names a stranger chose stay on one line and short", async () => {
  expect(await refusal(fileOf({ [`x\n${"y".repeat(1000)}`]: entry("U8", [1], [0, 1]) }, 3))).toMatch(/file holds 3/);
  expect(await refusal(fileOf({ [`x\n${"y".repeat(1000)}`]: entry("F32", [1], [0, 1]) }, 1))).toMatch(/"x\\nyyy/);
});

test("large junk is refused in one pass", async () => {
  const length = 4_000_000;
  expect(await refusal(fileOf(" ".repeat(length)))).toMatch(/its end stands/);
  expect(await refusal(fileOf(`{"${"a".repeat(length)}`))).toMatch(/" belongs/);
  expect(await refusal(fileOf(raw(`"shape":[${"9".repeat(length)}]`)))).toMatch(/whole number/);
  expect(await refusal(fileOf(raw(`"x":${"[".repeat(length)}`)))).toMatch(/fewer levels/);
  expect(await refusal(fileOf(raw(`"x":${"1".repeat(length)}`)))).toMatch(/belongs/);
  const ones = "1,".repeat(length / 2);
  expect(await refusal(fileOf(raw(`"dtype":"U8","shape":[${ones}1],"data_offsets":[0,1]`), 1))).toMatch(
    /after 64 numbers/,
  );
});

test("a file with any one bit or byte changed opens or is a ModelError, never anything else", async () => {
  const whole = new Uint8Array(
    fileOf({ __metadata__: { k: "한" }, a: entry("F32", [2], [0, 8]), b: entry("U8", [3], [8, 11]) }, 11),
  );
  const random = seeded(7);
  let opened = 0;
  for (let round = 0; round < 4000; round++) {
    const bytes = whole.slice();
    const at = Math.floor(random() * bytes.length);
    bytes[at] = round % 2 ? bytes[at] ^ (1 << Math.floor(random() * 8)) : Math.floor(random() * 256);
    if ((await refusal(bytes.buffer)) === "accepted") opened++;
  }
  for (let end = 0; end < whole.length; end++) expect(await refusal(whole.slice(0, end).buffer)).not.toBe("accepted");
  expect(opened).toBeGreaterThan(100);
  expect(opened).toBeLessThan(3000);
});
