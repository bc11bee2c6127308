// Forms of input and output of bulk runs, rows that are bad, shards, and the stream.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { openSafetensors } from "munjang/safetensors";
import { describe, expect, test } from "vitest";
import { LONGEST, readLines } from "../src/bulk/lines.ts";
import type { Row } from "../src/bulk/row.ts";
import { openRows, type RowsFlags } from "../src/bulk/rows.ts";
import { randoms } from "./kill.ts";
import { file, folder, main, munjang, refused } from "./run.ts";

const tiny = fileURLToPath(new URL("../../../test/golden/models/plain", import.meta.url));
const flags = ["--model", tiny, "--threads", "0"];

async function rowsOf(flags: Partial<RowsFlags>, at?: { at: number; rows: number }): Promise<Row[]> {
  const source = await openRows({ field: "text", ...flags });
  const rows: Row[] = [];
  for await (const row of source.read(at ?? source.from)) rows.push(row);
  return rows;
}
const without = (rows: Row[]) => rows.map(({ next: _, ...row }) => row);

const jsonl: Buffer = Buffer.concat([
  Buffer.from('\ufeff{"id": 1, "text": "하나"}\r\n\r\n{"id": 2}\r\n{"text": null}\r\n{"text": ["x"]}\r\n{text}\r\n'),
  Buffer.from('{"text": "\\ud83d"}\r\n'),
  Buffer.from([0x22, 0xff, 0x22]),
  Buffer.from('\r\n"둘"\r\n'),
]);
const csv = Buffer.concat([
  Buffer.from('\ufeff"id",text\r\n1,하나\r\n\r\n2,"""둘"",\n둘"\n3\n4,'),
  Buffer.from([0xb9, 0xae]),
  Buffer.from('\n5,""\n6,여섯'),
]);

describe("rows in", () => {
  test("JSON lines: good, empty, and bad for every reason, each with its number", async () => {
    const rows = await rowsOf({ file: file("rows.jsonl", jsonl) });
    expect(without(rows)).toEqual([
      { number: 1, record: '{"id": 1, "text": "하나"}', text: "하나" },
      { number: 2 },
      { number: 3, record: '{"id": 2}', problem: 'has no text in "text" (its fields: id); see --field' },
      { number: 4, record: '{"text": null}', problem: 'has no text in "text": it is null' },
      { number: 5, record: '{"text": ["x"]}', problem: 'has no text in "text": it is an array' },
      { number: 6, problem: expect.stringMatching(/^is not JSON: /) },
      { number: 7, record: '{"text": "\\ud83d"}', problem: 'has a lone surrogate in "text", half of a character' },
      { number: 8, problem: expect.stringMatching(/^is not UTF-8/) },
      { number: 9, text: "둘" },
    ]);
  });

  test("CSV: quotes, line ends in cells, a byte order mark; cells that are missing or not UTF-8", async () => {
    expect(without(await rowsOf({ file: file("rows.csv", csv) }))).toEqual([
      { number: 1, text: "하나" },
      { number: 2 },
      { number: 3, text: '"둘",\n둘' },
      { number: 4, problem: "has 1 cells; the header has 2" },
      { number: 5, problem: expect.stringMatching(/^is not UTF-8/) },
      { number: 6 },
      { number: 7, text: "여섯" },
    ]);
  });

  test("Parquet: rows of several groups; null, bytes that are not UTF-8", async () => {
    const [bytes, half] = ["하나", "둘", "문장"].map((text) => new TextEncoder().encode(text));
    const data = [bytes, half.subarray(0, 2), null, bytes, new Uint8Array(0)];
    const schema = [
      { name: "root", num_children: 2 },
      { name: "id", type: "INT32" as const, repetition_type: "REQUIRED" as const },
      { name: "text", type: "BYTE_ARRAY" as const, repetition_type: "OPTIONAL" as const },
    ];
    const columnData = [
      { name: "id", data: Int32Array.from(data, (_, i) => i) },
      { name: "text", data },
    ];
    const path = file("rows.parquet", new Uint8Array(parquetWriteBuffer({ columnData, schema, rowGroupSize: 2 })));
    const expected = [
      { number: 1, text: "하나" },
      { number: 2, problem: "is not UTF-8" },
      { number: 3, problem: 'has no text in "text": it is null' },
      { number: 4, text: "하나" },
      { number: 5 },
    ];
    expect(without(await rowsOf({ file: path }))).toEqual(expected);
    for (let from = 0; from <= 5; from++) {
      expect(without(await rowsOf({ file: path }, { at: from, rows: from })), `${from}`).toEqual(expected.slice(from));
    }
    await refused(2, /has no column "title" \(its columns: id, text\); see --field/, [
      "embed",
      "-f",
      path,
      "--field",
      "title",
    ]);
    await refused(1, /is not Parquet, or damaged/, ["embed", "-f", file("no.parquet", "PAR1 this is none PAR1")]);
    await refused(2, /Parquet is read from its end/, ["embed", "--from", "parquet"], "x");
  });

  test("where a row ends, reading goes on with the next", async () => {
    for (const [name, bytes] of [["rows.jsonl", jsonl] as const, ["rows.csv", csv] as const]) {
      const path = file(name, bytes);
      const all = await rowsOf({ file: path });
      expect(all.at(-1)?.next).toBe(bytes.length);
      for (const [i, { number, next }] of all.entries()) {
        expect(await rowsOf({ file: path }, { at: next, rows: number }), `${name} ${i}`).toEqual(all.slice(i + 1));
      }
    }
  });

  test("lines in pieces of any size, and one longer than the memory has room for", async () => {
    async function* pieces(bytes: Buffer, size: number) {
      for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
    }
    const read = async (stream: AsyncIterable<unknown>): Promise<Row[]> => {
      const rows: Row[] = [];
      const form = { json: true, field: "text" };
      for await (const row of readLines(stream, { at: 0, rows: 0 }, form, "pieces")) rows.push(row);
      return rows;
    };
    const whole = await rowsOf({ file: file("rows.jsonl", jsonl) });
    for (const size of [1, 2, 3, 7, 1000]) expect(await read(pieces(jsonl, size)), `${size}`).toEqual(whole);

    async function* huge() {
      yield Buffer.from('"첫째"\n');
      for (let i = 0; i < 3 * LONGEST; i += 1 << 20) yield Buffer.alloc(1 << 20, "x");
      yield Buffer.from('\n"셋째"');
    }
    const rows = without(await read(huge()));
    expect(rows).toEqual([
      { number: 1, text: "첫째" },
      { number: 2, problem: `is longer than ${LONGEST} bytes` },
      { number: 3, text: "셋째" },
    ]);
  });

  test("CSV that is none, and a header without the column", async () => {
    await refused(1, /is not CSV \(RFC 4180\) behind row 1: Invalid Opening Quote: a quote is found\n/, [
      "embed",
      "-f",
      file("quote.csv", 'text\na\nb"c\n'),
      ...flags,
    ]);
    await refused(1, /is not CSV \(RFC 4180\) behind row 0: Quote Not Closed/, [
      "embed",
      "-f",
      file("open.csv", 'text\n"a\nb\n'),
      ...flags,
    ]);
    const titled = file("titled.csv", "id,title\n1,제목\n");
    await refused(2, /has no column "text" \(its columns: id, title\); see --field/, ["embed", "-f", titled, ...flags]);
    const { out } = await munjang(["embed", "--from", "csv", "--field", "title", ...flags], readFileSync(titled));
    expect(JSON.parse(out)).toMatchObject({ text: "제목" });
  });
});

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

describe("--stream", () => {
  const args = ["embed", "--stream", ...flags];

  test("a line for every line, as it comes; a bad one gives an error with its fields", async () => {
    const child = spawn(process.execPath, [main, ...args, "--from", "jsonl"], { cwd: folder });
    const lines: string[] = [];
    let err = "";
    let rest = "";
    child.stderr.on("data", (chunk: Buffer) => {
      err += chunk;
    });
    let wake = (): void => {};
    child.stdout.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
      wake();
    });
    const answer = async (line: string | Buffer): Promise<Record<string, unknown>> => {
      const before = lines.length;
      child.stdin.write(line);
      child.stdin.write("\n");
      while (lines.length === before) await new Promise<void>((resolve) => (wake = resolve));
      expect(lines.length).toBe(before + 1);
      return JSON.parse(lines[before]);
    };
    // Standard input stays open: nothing waits for more.
    expect(await answer('{"id": 7, "text": "하나"}')).toMatchObject({
      id: 7,
      text: "하나",
      embedding: expect.any(Array),
    });
    expect(await answer('{"id": 8}')).toEqual({
      id: 8,
      error: 'the line has no text in "text" (its fields: id); see --field',
    });
    expect(await answer("{}")).toEqual({ error: 'the line has no text in "text" (its fields: ); see --field' });
    expect(await answer("{")).toEqual({ error: expect.stringMatching(/^the line is not JSON/) });
    expect(await answer(Buffer.from([0xff]))).toEqual({ error: expect.stringMatching(/^the line is not UTF-8/) });
    expect(await answer('{"id": 9, "text": "\\ud800"}')).toMatchObject({
      id: 9,
      error: expect.stringMatching(/lone surrogate/),
    });
    expect(await answer("")).toEqual({ error: "the line is empty" });
    expect(await answer('"둘"')).toMatchObject({ text: "둘", embedding: expect.any(Array) });
    child.stdin.end();
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
    const told = [...err.matchAll(/^munjang: line (\d+) of standard input /gm)].map(([, number]) => Number(number));
    expect(told).toEqual([2, 3, 4, 5, 6, 7]);
  });

  test("the lines of embed; --base64 holds the same bits", async () => {
    const texts = Array.from({ length: 600 }, (_, i) => `${i}번 문장`).join("\n");
    const [streamed, plain, coded] = await Promise.all([
      munjang(args, texts),
      munjang(["embed", ...flags], texts),
      munjang([...args, "--base64"], texts),
    ]);
    expect(streamed).toMatchObject({ code: 0, err: "" });
    expect(streamed.out).toBe(plain.out);
    const vectors = (out: string) =>
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).embedding);
    const bits = vectors(coded.out).map((text: string) => Buffer.from(text, "base64"));
    expect(bits).toEqual(vectors(plain.out).map((row: number[]) => Buffer.from(Float32Array.from(row).buffer)));
  });

  test("options that have no meaning with it", async () => {
    await refused(2, /leave out --file/, ["embed", "--stream", "-f", "x"]);
    await refused(2, /lines of JSON to standard output/, ["embed", "--stream", "-o", "x.npy"], "x");
    await refused(2, /needs all rows before the first/, ["embed", "--stream", "--precision", "int8"], "x");
    await refused(2, /--resume needs --file/, ["embed", "--resume", "-o", "x.npy"], "x");
    await refused(2, /--base64 is for JSON/, ["embed", "--base64", "-o", "x.npy"], "x");
  });
});
