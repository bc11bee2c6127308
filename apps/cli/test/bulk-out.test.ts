// What bulk runs write: shards that make a whole, safetensors and Parquet.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { openSafetensors } from "munjang/safetensors";
import { describe, expect, test } from "vitest";
import type { Row } from "../src/bulk/row.ts";
import { randoms } from "./kill.ts";
import { rowsOf } from "./rows.ts";
import { file, folder, munjang, refused } from "./run.ts";

const tiny = fileURLToPath(new URL("../../../test/golden/models/plain", import.meta.url));
const flags = ["--model", tiny, "--threads", "0"];

describe("shards", () => {
  test("every row belongs to one, in order, with the number it has in the whole", async () => {
    const random = randoms(11);
    const cells = ["가", "a,b", 'q"q', "두\n줄", "", "긴 문장입니다"];
    for (let round = 0; round < 12; round++) {
      const values = Array.from(
        { length: Math.floor(random() * 12) + 1 },
        () => cells[Math.floor(random() * cells.length)],
      );
      const end = random() < 0.5 ? "\n" : "\r\n";
      const quoted = values.map((value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value));
      const inputs = {
        "shard.csv": `id,text${end}${quoted.map((cell, i) => `${i},${cell}`).join(end)}${end}`,
        "shard.jsonl": values.map((text) => JSON.stringify({ text })).join(end),
        "shard.txt": values.join(end),
      };
      for (const [name, content] of Object.entries(inputs)) {
        const path = file(name, content);
        const all = await rowsOf({ file: path });
        for (const count of [1, 2, 3, 7, 100]) {
          const parts: Row[] = [];
          for (let index = 1; index <= count; index++)
            parts.push(...(await rowsOf({ file: path, shard: { index, count } })));
          expect(parts, `${name} in ${count}: ${JSON.stringify(content)}`).toEqual(all);
        }
      }
    }
  });

  test("put together they have the bytes of a run without shards, in every form", { timeout: 120_000 }, async () => {
    const rows = Array.from({ length: 700 }, (_, i) =>
      i % 50 === 3 ? `${i},\n` : `${i},"${i}번 ""문장""${"\n줄".repeat(i % 3)}"\n`,
    );
    const path = file("sharded.csv", `id,text\n${rows.join("")}`);
    const more = ["--checkpoint-every", "64"];
    for (const form of ["jsonl", "json", "csv", "npy", "safetensors", "parquet"]) {
      const args = ["embed", "-f", path, ...flags, ...more, "--normalize", "-o"];
      const whole = await munjang([...args, `single.${form}`]);
      expect(whole.err).toContain("686 vectors of 16 written");
      const parts = await Promise.all([1, 2, 3].map((k) => munjang([...args, `parts.${form}`, "--shard", `${k}/3`])));
      for (const [i, part] of parts.entries()) expect(part.err).toContain(`parts-0000${i + 1}-of-00003.${form}`);
      const merged = await munjang(["merge", `parts.${form}`, ...more]);
      expect(merged).toMatchObject({ code: 0, out: "" });
      const [a, b] = [`parts.${form}`, `single.${form}`].map((name) => readFileSync(join(folder, name)));
      expect(a.equals(b), form).toBe(true);
    }
    rmSync(join(folder, "parts-00002-of-00003.npy"));
    await refused(1, /parts-00002-of-00003\.npy is missing/, ["merge", "parts.npy"]);
    await refused(1, /there are no shards of none\.npy/, ["merge", "none.npy"]);
    await refused(2, /must be like 2\/8/, ["embed", "-f", path, "--shard", "3/2"]);
    await refused(2, /--shard needs --file/, ["embed", "--shard", "1/2"], "x");
  });
});

test("safetensors and Parquet: the numbers of .npy, what they are of, and the rows they belong to", async () => {
  const path = file("forms.jsonl", '{"text": "하나"}\n\n{"text": 1}\n{"text": "둘, \\"셋\\""}\n');
  const args = ["embed", "-f", path, ...flags, "--bad-rows", "skip", "-o"];
  for (const form of ["npy", "safetensors", "parquet"]) {
    const { code, err } = await munjang([...args, `forms.${form}`]);
    expect(code).toBe(0);
    expect(err).toMatch(/line 3 of .*forms\.jsonl has no text in "text": it is a number; passed over\n/);
    expect(err).toMatch(
      /passed over 1 line without text of .*\n.*1 line of .* could not be read and have no vector\n.*2 vectors of 16/,
    );
  }
  const numbers = readFileSync(join(folder, "forms.npy")).subarray(128);
  const stored = await openSafetensors(readFileSync(join(folder, "forms.safetensors")));
  const { shape, data } = await stored.readFloat32("embeddings");
  expect(shape).toEqual([2, 16]);
  expect(Buffer.from(Float32Array.from(data).buffer).equals(numbers)).toBe(true);
  const identity = stored.metadata.get("munjang.identity") ?? "";
  expect(JSON.parse(identity)).toMatchObject({ backend: "wasm", dtype: "float32", dimension: 16 });
  const { key_value_metadata: kept, created_by } = await parquetMetadataAsync(
    await asyncBufferFromFile(join(folder, "forms.parquet")),
  );
  expect({ kept, created_by }).toEqual({ kept: [{ key: "munjang.identity", value: identity }], created_by: "munjang" });
  const found = await parquetReadObjects({ file: await asyncBufferFromFile(join(folder, "forms.parquet")) });
  expect(found.map(({ row, text }) => [row, text])).toEqual([
    [1n, "하나"],
    [4n, '둘, "셋"'],
  ]);
  expect(Buffer.from(Float32Array.from(found.flatMap(({ embedding }) => embedding)).buffer).equals(numbers)).toBe(true);

  const python = process.env.MUNJANG_PYTHON;
  if (python === undefined) return; // Python's libraries read them too, where they are
  const code =
    "import pyarrow.parquet as p, numpy as n; t = p.read_table('forms.parquet'); print(n.array_equal(n.array(t['embedding'].to_pylist(), 'f4'), n.load('forms.npy')), t.schema.field('text').type, list(t.schema.metadata))";
  const read = spawnSync(python, ["-c", code], { cwd: folder, encoding: "utf8" });
  if (!/No module named/.test(read.stderr)) expect(read.stdout).toBe("True string [b'munjang.identity']\n");
});
