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
  expect(await refusal(fileOf(raw(`"x":${"[".repeat(length)}`)))).toMatch(/more members and values/);
  expect(await refusal(fileOf(raw(`"x":${"1".repeat(length)}`)))).toMatch(/belongs/);
  const ones = "1,".repeat(length / 2);
  expect(await refusal(fileOf(raw(`"dtype":"U8","shape":[${ones}1],"data_offsets":[0,1]`), 1))).toMatch(
    /more members and values/,
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
