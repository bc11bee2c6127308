import type { Hostile } from "./hostile.ts";

/* Indexes of shards; beside each there is one shard, `model-1.safetensors`, which holds the tensor `a`. */

const GOOD = '"a":"model-1.safetensors"';
const map = (body: string): string => `{"metadata":{"total_size":1},"weight_map":{${body}}}`;
const members = (count: number, value: string): string =>
  Array.from({ length: count }, (_, i) => `"${i}":${value}`).join(",");

const CASES: readonly (readonly [string, () => string | Uint8Array, RegExp])[] = [
  ["nothing", () => "", /index: not the JSON/],
  ["a list", () => "[]", /index: not the JSON/],
  ["null", () => "null", /index: not the JSON/],
  ["not UTF-8", () => Uint8Array.of(0xff, 0xfe), /index: is not UTF-8/],
  ["text after the object", () => `${map(GOOD)}x`, /the end of the index/],
  ["no map", () => "{}", /weight_map: names no tensors/],
  ["an empty map", () => map(""), /weight_map: names no tensors/],
  ["a map that is a list", () => '{"weight_map":[]}', /\{ belongs/],
  ["a map twice", () => `{"weight_map":{${GOOD}},"weight_map":{${GOOD}}}`, /weight_map: stands twice/],
  ["a tensor twice", () => map(`${GOOD},${GOOD}`), /a: stands twice/],
  [
    "__proto__ twice",
    () => map('"__proto__":"model-1.safetensors","__proto__":"model-1.safetensors"'),
    /__proto__: stands twice/,
  ],
  ["a shard that is a number", () => map('"a":1'), /" belongs/],
  ["a shard that is null", () => map('"a":null'), /" belongs/],
  [
    "a shard above the folder",
    () => map('"a":"../model.safetensors"'),
    /a = "..\/model.safetensors": must be the name of a weight file/,
  ],
  ["a shard in a folder", () => map('"a":"x/model.safetensors"'), /must be the name of a weight file/],
  ["an absolute shard", () => map('"a":"/etc/model.safetensors"'), /must be the name of a weight file/],
  ["a shard of Windows", () => map('"a":"C:\\\\model.safetensors"'), /must be the name of a weight file/],
  ["a shard by URL", () => map('"a":"https://example.org/model.safetensors"'), /must be the name of a weight file/],
  ["a hidden shard", () => map('"a":".model.safetensors"'), /must be the name of a weight file/],
  ["a shard of another format", () => map('"a":"pytorch_model.bin"'), /must be the name of a weight file/],
  ["a shard that is no weights", () => map('"a":"config.json"'), /must be the name of a weight file/],
  ["the index as a shard", () => map('"a":"model.safetensors.index.json"'), /must be the name of a weight file/],
  ["a shard of no name", () => map('"a":""'), /must be the name of a weight file/],
  ["a shard with a zero in its name", () => map('"a":"a\\u0000.safetensors"'), /must be the name of a weight file/],
  [
    "a shard with a very long name",
    () => map(`"a":"${"a".repeat(5000)}.safetensors"`),
    /must be the name of a weight file/,
  ],
  [
    "a shard that is missing",
    () => map('"a":"model-2.safetensors"'),
    /model-2.safetensors: is missing: fetch all the parts/,
  ],
  [
    "a tensor that is not in its shard",
    () => map(`${GOOD},"b":"model-1.safetensors"`),
    /model-1.safetensors: b: should hold b/,
  ],
  [
    "a tensor named __proto__ that is not in its shard",
    () => map('"__proto__":"model-1.safetensors"'),
    /should hold __proto__/,
  ],
  ["brackets a million deep", () => `{"metadata":${"[".repeat(1_000_000)}`, /fewer levels/],
  ["objects a million deep", () => `{"metadata":${'{"a":'.repeat(1_000_000)}`, /more than 100000 tensors/],
  ["a million metadata", () => `{"metadata":{${members(1_000_000, "0")}}}`, /index: more members and values/],
  [
    "a million tensors",
    () => map(members(1_000_000, '"model-1.safetensors"')),
    /more than 100000 tensors|more members/,
  ],
  [
    "a million shards",
    () => map(Array.from({ length: 1_000_000 }, (_, i) => `"${i}":"m${i}.safetensors"`).join(",")),
    /more than 100000 tensors|more members/,
  ],
];

export const SHARDS: readonly Hostile[] = CASES.map(([name, make, says]) => ({
  name: `index: ${name}`,
  file: "model.safetensors.index.json",
  bytes: () => {
    const made = make();
    return typeof made === "string" ? new TextEncoder().encode(made) : made;
  },
  says,
}));
