// What bulk runs write: shards that make a whole, safetensors and Parquet.
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
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
      const merged = await munjang(["merge", `parts.${form}`]);
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

describe("merge", () => {
  const rows = Array.from({ length: 40 }, (_, i) => `${i}번 문장입니다`);
  const embed = async (input: string, output: string, ...more: string[]): Promise<void> => {
    const { code, err } = await munjang(["embed", "-f", input, ...flags, "-o", output, ...more]);
    expect(err).toContain("written to");
    expect(code).toBe(0);
  };
  /** Two shards of an output, beginning anew; the second with `more`. */
  const shards = async (output: string, ...more: string[]): Promise<[string, string]> => {
    const input = file("merge.txt", rows.join("\n"));
    await Promise.all([embed(input, output, "--shard", "1/2"), embed(input, output, "--shard", "2/2", ...more)]);
    const [stem, ending] = output.split(".");
    return [1, 2].map((k) => join(folder, `${stem}-0000${k}-of-00002.${ending}`)) as [string, string];
  };
  const bytesOf = (name: string): Buffer => readFileSync(join(folder, name));

  test("knows the form that --format chose, and copies of one input by their bytes", async () => {
    const input = file("merge.txt", rows.join("\n"));
    const copy = file("copy-of-merge.txt", rows.join("\n"));
    utimesSync(copy, 1, 1);
    const form = ["--format", "npy"];
    await Promise.all([
      embed(input, "formed.bin", ...form, "--shard", "1/2"),
      embed(copy, "formed.bin", ...form, "--shard", "2/2", "--from", "text"),
      embed(input, "whole.bin", ...form),
    ]);
    const merged = await munjang(["merge", "formed.bin"]);
    expect(merged).toEqual({
      ...{ code: 0, out: "", err: "munjang: 2 shards, 40 vectors, put together in formed.bin\n" },
    });
    expect(bytesOf("formed.bin").equals(bytesOf("whole.bin"))).toBe(true);
  });

  test.each([
    ["output", ["--normalize"]],
    ["output", ["--truncate-dim", "8"]],
    ["prompt", ["--prompt", "x "]],
    ["model", ["--backend", "js"]],
  ])("refuses shards with another %s (%s)", async (what, more) => {
    await shards("other.jsonl", ...more);
    await refused(1, RegExp(`other-00002-of-00002\\.jsonl is of a run with another ${what} than other-00001`), [
      ...["merge", "other.jsonl"],
    ]);
  });

  test("refuses shards that were renamed, copied, left over, or have no record", async () => {
    const [one, two] = await shards("mixed.parquet");
    const aside = join(folder, "aside");
    const swap = (ending: string): void => {
      renameSync(one + ending, aside);
      renameSync(two + ending, one + ending);
      renameSync(aside, two + ending);
    };
    swap("");
    await refused(1, /mixed-00001-of-00002\.parquet is not the file that .*\.shard was written for: run embed/, [
      ...["merge", "mixed.parquet"],
    ]);
    swap(".shard");
    await refused(1, /mixed-00001-of-00002\.parquet is shard 2\/2 by another name/, ["merge", "mixed.parquet"]);
    swap("");
    swap(".shard");
    copyFileSync(two, aside);
    copyFileSync(one, two);
    await refused(1, /mixed-00002-of-00002\.parquet is not the file that/, ["merge", "mixed.parquet"]);
    renameSync(aside, two);
    expect(await munjang(["merge", "mixed.parquet"])).toMatchObject({ code: 0 });

    // The first of an older input: it has the same size, and as many rows.
    const edited = file("merge.txt", rows.with(0, "영번 문장입니다").join("\n").padEnd(rows.join("\n").length));
    await embed(edited, "mixed.parquet", "--shard", "2/2");
    await refused(1, /mixed-00002-of-00002\.parquet is of another input than mixed-00001/, ["merge", "mixed.parquet"]);

    rmSync(`${one}.shard`);
    await refused(
      1,
      /mixed-00001-of-00002\.parquet\.shard is missing.*: run embed with --output and --shard 1\/2 again/,
      [...["merge", "mixed.parquet"]],
    );
    writeFileSync(`${one}.shard`, "{");
    await refused(1, /\.shard is no record of this version of embed: run embed/, ["merge", "mixed.parquet"]);
    writeFileSync(`${one}.shard`, '{"version": 0}');
    await refused(1, /\.shard is no record of this version of embed: run embed/, ["merge", "mixed.parquet"]);
  });

  test("knows shards of Parquet by the footer of the input", async () => {
    const texts = (stem: string) => file(`${stem}.jsonl`, rows.map((text) => JSON.stringify(stem + text)).join("\n"));
    for (const stem of ["a", "bb"]) await embed(texts(stem), `${stem}.parquet`);
    await embed("a.parquet", "of.npy", "--shard", "1/2");
    await embed("bb.parquet", "of.npy", "--shard", "2/2");
    await refused(1, /of-00002-of-00002\.npy is of another input than of-00001/, ["merge", "of.npy"]);
    await embed("a.parquet", "of.npy", "--shard", "2/2");
    expect(await munjang(["merge", "of.npy"])).toMatchObject({ code: 0 });
    await embed("a.parquet", "single.npy");
    expect(bytesOf("of.npy").equals(bytesOf("single.npy"))).toBe(true);
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
