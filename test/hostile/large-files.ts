import { fileOf } from "../formats/bytes.ts";
import type { Hostile } from "./hostile.ts";
import { dict, int, legacy, pickle, tensor, torchParts, torchZip } from "./make-pickle.ts";
import { makeZip } from "./make-zip.ts";

/*
 * Files just under a limit, full of what costs most: text of two bytes a character in memory, names and lists as long as they may be.
 */

const UTF8 = new TextEncoder();

/** Bytes put together from parts that repeat, without a string as long. */
function repeated(...parts: readonly (readonly [text: string | Uint8Array, times: number])[]): Uint8Array<ArrayBuffer> {
  const pieces = parts.map(([text, times]) => [typeof text === "string" ? UTF8.encode(text) : text, times] as const);
  const out = new Uint8Array(pieces.reduce((n, [piece, times]) => n + piece.length * times, 0));
  let at = 0;
  for (const [piece, times] of pieces) {
    const from = at;
    const end = at + piece.length * times;
    if (piece.length > 0 && times > 0) out.set(piece, at);
    for (at += piece.length; at < end; at += at - from) out.copyWithin(at, from, from + Math.min(at - from, end - at));
    at = end;
  }
  return out;
}

const MIXED = `한${"a".repeat(96)}`; // one character makes two bytes of every other
const KOREAN = "한글".repeat(16);
const ESCAPES = "\\ud55c".repeat(16);

/** Ten entries of metadata, each of some 9.9 MB. */
const metadata = (unit: string, times: number): Uint8Array<ArrayBuffer> =>
  repeated(
    ['{"__metadata__":{"k":""', 1],
    ...Array.from({ length: 10 }, (_, i) => [
      [`,"${i}":"`, 1] as const,
      [unit, times] as const,
      ['"', 1] as const,
    ]).flat(),
    ["}}", 1],
  );

const ENTRY = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';

/** 99,999 tensors; `name` is what their names have in common, `last` what ends the header. */
function manyTensors(name: string, shape: string, last: string, count = 99_999): ArrayBuffer {
  const parts: string[] = [];
  for (let i = 0; i < count; i++)
    parts.push(`"${name}${i}":{"dtype":"U8","shape":${shape},"data_offsets":[${i},${i + 1}]}`);
  return fileOf(`{${parts.join(",")}${last}}`, count);
}

/** A pickle of strings of 65,535 bytes, each left in a list. */
function pickleOfText(unit: string, times: number): Uint8Array<ArrayBuffer> {
  const size = UTF8.encode(unit);
  const length = Math.floor(65_535 / size.length) * size.length;
  const one = new Uint8Array(5 + length + 1);
  one[0] = 0x58;
  new DataView(one.buffer).setUint32(1, length, true);
  for (let at = 5; at < 5 + length; at += size.length) one.set(size, at);
  one[5 + length] = 0x61;
  return repeated([Uint8Array.of(0x80, 2, 0x5d), 1], [one, times], [Uint8Array.of(0x2e), 1]);
}

const HEADERS: readonly (readonly [string, () => ArrayBuffer, RegExp])[] = [
  ["99 MB of metadata, Latin but for one character in a hundred", () => fileOf(metadata(MIXED, 100_000)), /more text/],
  ["99 MB of Korean metadata", () => fileOf(metadata(KOREAN, 103_000)), /more text/],
  ["99 MB of escaped metadata", () => fileOf(metadata(ESCAPES, 103_000)), /more text/],
  [
    "60 MB of Korean in a field nobody named",
    () => fileOf(repeated([`{"a":{"x":"`, 1], [KOREAN, 625_000], ['"}}', 1])),
    /more text/,
  ],
  [
    "a Korean name of 99 MB",
    () => fileOf(repeated(['{"', 1], [KOREAN, 1_031_000], [`":${ENTRY}}`, 1])),
    /header: more text than names: raise maxTensors/,
  ],
  ["a Korean string of 99 MB without an end", () => fileOf(repeated(['{"', 1], [KOREAN, 1_031_000])), /more text/],
  [
    "10 MB of Korean names, then a comma too many",
    () => {
      const names = Array.from({ length: 90_000 }, (_, i) => `"${i}${"한".repeat(24)}":${ENTRY}`);
      return fileOf(`{${names.join(",")},}`);
    },
    /" belongs/,
  ],
  [
    "9 MB of metadata, Latin but for one character, an escape at the end, then no object",
    () => fileOf(repeated(['{"__metadata__":{"k":"', 1], [MIXED, 90_000], ['\\n"}', 1])),
    /\} belongs/,
  ],
  [
    "9 MB of one string of escapes that break off",
    () => fileOf(repeated(['{"', 1], ["\\ud55c", 1_500_000], ['\\ud8"', 1])),
    /whole characters/,
  ],
  [
    "95 MB of Korean outside of strings",
    () => fileOf(repeated(["{", 1], [KOREAN, 989_000])),
    /" belongs at byte 1, where "한/,
  ],
  [
    "95 MB of spaces, the last byte no UTF-8",
    () => fileOf(repeated([" ", 95_000_000], [Uint8Array.of(0xff), 1])),
    /not UTF-8/,
  ],
  [
    "95 MB of numbers of 480 digits",
    () => fileOf(repeated(['{"a":{"x":[', 1], [`${"1".repeat(480)},`, 197_000], ["1]}}", 1])),
    /\] belongs/,
  ],
  [
    "1.5 million literals and strings, then nothing",
    () => fileOf(repeated(['{"a":{"x":[', 1], ['true,"",', 750_000], ["]}}", 1])),
    /a value belongs/,
  ],
  ["95 MB of a number", () => fileOf(repeated(['{"a":{"x":', 1], ["1", 95_000_000], ["}}", 1])), /belongs/],
  ["95 MB of quotes", () => fileOf(repeated(['{"a":', 1], ['"', 95_000_000])), /\{ belongs/],
  [
    "95 MB of halves of Korean characters",
    () => fileOf(repeated(['{"', 1], [Uint8Array.of(0x95), 95_000_000])),
    /not UTF-8/,
  ],
  [
    "99,999 tensors, then a hole",
    () => manyTensors("t", "[1]", `,"z":{"dtype":"U8","shape":[1],"data_offsets":[100005,100006]}`),
    /z data_offsets .*belong to no tensor/,
  ],
  ["99,999 tensors, then one twice", () => manyTensors("layer.한.", "[1]", `,"layer.한.7":${ENTRY}`), /stands twice/],
  ["99,999 tensors and no end", () => manyTensors("t", "[1]", ","), /" belongs/],
  [
    "99,999 tensors of 12 axes, then one too short",
    () =>
      manyTensors(
        "encoder.layer.",
        `[${"1,".repeat(8)}1]`,
        `,"z":{"dtype":"U8","shape":[9],"data_offsets":[99999,100000]}`,
      ),
    /z data_offsets .*1 bytes, but \[9\]/,
  ],
  [
    "23,000 tensors of 64 axes, then a hole",
    () =>
      manyTensors("t", `[${"1,".repeat(63)}1]`, `,"z":{"dtype":"U8","shape":[1],"data_offsets":[30000,30001]}`, 23_000),
    /belong to no tensor/,
  ],
  [
    "99,999 metadata, then a number",
    () => {
      const some = Array.from({ length: 99_999 }, (_, i) => `"${i}":"${"한".repeat(20)}"`);
      return fileOf(`{"__metadata__":{${some.join(",")},"x":1}}`);
    },
    /metadata maps text to text/,
  ],
  [
    "99,999 fields nobody named, then a hole",
    () => {
      const some = Array.from({ length: 99_990 }, (_, i) => `"${i}":0`);
      return fileOf(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2],${some.join(",")}}}`, 2);
    },
    /bytes 0 to 1 belong to no tensor/,
  ],
];

/** Opcodes that do nothing, as many as fit: 90 MB. */
const idle = (...code: number[]): Uint8Array<ArrayBuffer> =>
  repeated([Uint8Array.of(0x80, 2, 0x7d), 1], [Uint8Array.from(code), 45_000_000], [Uint8Array.of(0x2e), 1]);

const TORCH: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
  ["90 MB of Korean strings", () => torchZip(pickleOfText("한", 1375)).bytes, /data.pkl byte \d+: more text/],
  ["90 MB of strings, Latin but for a character each", () => torchZip(pickleOfText(MIXED, 1375)).bytes, /more text/],
  ["90 MB of Korean strings, of old", () => legacy({ data: pickleOfText("한", 1375) }), /data.pkl byte \d+: more text/],
  [
    "90 MB of Korean strings in place of a protocol",
    () => legacy({ protocol: pickleOfText("한", 1375) }),
    /protocol byte \d+: more text/,
  ],
  ["45 million empty SETITEMS", () => torchZip(idle(0x28, 0x75)).bytes, /data.pkl byte \d+: too many opcodes/],
  ["45 million BINPUT", () => torchZip(idle(0x71, 0)).bytes, /too many opcodes/],
  ["45 million PROTO, of old", () => legacy({ machine: idle(0x80, 2) }), /machine byte \d+: too many opcodes/],
  [
    "100,000 files beside a tensor that is too short",
    () => {
      const data = pickle(dict(["a", tensor({ count: int(5) })]));
      const files = Array.from({ length: 100_000 }, (_, i) => ({ name: `m/data/x${i}`, data: new Uint8Array(0) }));
      return makeZip([...torchParts(data), ...files]).bytes;
    },
    /a: its storage 0 has 16 bytes, and the pickle says 20/,
  ],
  [
    "100,000 names of 900 bytes, Korean among Latin",
    () => {
      const empty = new Uint8Array(0);
      const name = `m/한${"a".repeat(880)}`;
      return makeZip(Array.from({ length: 100_000 }, (_, i) => ({ name: `${name}${i}`, data: empty }))).bytes;
    },
    /end record|central directory: (more text|a directory too large)/,
  ],
];

const INDEXES: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
  [
    "99 MB of Korean metadata",
    () => repeated(['{"metadata":{"x":"', 1], [KOREAN, 1_031_000], ['"}}', 1]),
    /index: more text/,
  ],
  [
    "100,000 shards of names of 90 letters",
    () => {
      const shard = `${"a".repeat(90)}.safetensors`;
      return UTF8.encode(`{"weight_map":{${Array.from({ length: 99_000 }, (_, i) => `"${i}":"${shard}"`).join(",")}}}`);
    },
    /more text|is missing/,
  ],
];

export const LARGE: readonly Hostile[] = [
  ...HEADERS.map(([name, bytes, says]): Hostile => ({ name, file: "model.safetensors", bytes, says })),
  ...TORCH.map(([name, bytes, says]): Hostile => ({ name: `torch: ${name}`, file: "pytorch_model.bin", bytes, says })),
  ...INDEXES.map(
    ([name, bytes, says]): Hostile => ({ name: `index: ${name}`, file: "model.safetensors.index.json", bytes, says }),
  ),
];
