// What bulk runs read: forms of input, rows that are bad, and the stream.
import { spawn } from "node:child_process";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import { LONGEST, readLines } from "../src/bulk/lines.ts";
import type { Row } from "../src/bulk/row.ts";
import { rowsOf } from "./rows.ts";
import { file, folder, main, munjang, refused, run } from "./run.ts";

const tiny = fileURLToPath(new URL("../../../test/golden/models/plain", import.meta.url));
const flags = ["--model", tiny, "--threads", "0"];

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
      { number: 6, problem: "is not JSON" },
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
    await refused(1, /is not Parquet that can be read, or is damaged\n/, [
      "embed",
      "-f",
      file("no.parquet", "PAR1 this is none PAR1"),
    ]);
    const damaged = readFileSync(path).fill(0xff, 4, 60);
    await refused(1, /damaged\.parquet is not Parquet that can be read, or is damaged\n/, [
      ...["embed", "-f", file("damaged.parquet", damaged), ...flags],
    ]);
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
    await refused(1, /is not CSV \(RFC 4180\) in its header: Invalid Opening Quote/, [
      ...["embed", "-f", file("head.csv", 'te"xt\na\n'), ...flags],
    ]);
    // The parser is ahead of the work: what counts is where it stands itself.
    const many = Array.from({ length: 20_000 }, (_, i) => `${i}번\n`).with(15_000, 'b"c\n');
    await refused(1, /is not CSV \(RFC 4180\) behind row 15000: /, [
      ...["embed", "-f", file("late.csv", `text\n${many.join("")}`), ...flags, "-o", "late.npy"],
    ]);
    await refused(1, /late\.csv is not CSV \(RFC 4180\) behind row 15000: /, [
      ...["embed", "-f", file("late.csv", `text\n${many.join("")}`), ...flags, "--shard", "2/2", "-o", "late.npy"],
    ]);
    const long = `text\na\n"${"b\n".repeat(LONGEST / 2 + 1)}"\nc\n`;
    await refused(
      1,
      /long\.csv has a record longer than 16777216 bytes, or a quote that is not closed, behind row 1\n/,
      [...["embed", "-f", file("long.csv", long), ...flags, "--bad-rows", "skip"]],
    );
    const titled = file("titled.csv", "id,title\n1,제목\n");
    await refused(2, /has no column "text" \(its columns: id, title\); see --field/, ["embed", "-f", titled, ...flags]);
    const { out } = await munjang(["embed", "--from", "csv", "--field", "title", ...flags], readFileSync(titled));
    expect(JSON.parse(out)).toMatchObject({ text: "제목" });
  });

  test("CSV through a pipe, with a byte order mark or without, as --file too", async () => {
    const args = ["embed", "--from", "csv", ...flags];
    const { out } = await munjang([...args, "-f", file("pipe.csv", '"text"\n하나\n')]);
    expect(JSON.parse(out)).toMatchObject({ text: "하나" });
    for (const mark of ["", "\ufeff"]) {
      const bytes = Buffer.from(`${mark}"text"\n하나\n`);
      expect(await munjang(args, bytes)).toEqual({ code: 0, out, err: "" });
      expect(await rowsOf({ file: file("pipe.csv", bytes) })).toEqual([
        { number: 1, next: bytes.length, text: "하나" },
      ]);
      if (process.platform === "win32") continue;
      const piped = ["-c", 'cat pipe.csv | "$0" "$@"', process.execPath, main, ...args, "-f", "/dev/stdin"];
      expect(await run("sh", piped)).toEqual({ code: 0, out, err: "" });
    }
    if (process.platform === "win32") return;
    await refused(2, /Parquet is read from its end/, ["embed", "--from", "parquet", "-f", "/dev/stdin"], "x");
    await refused(2, /--shard needs --file FILE: \/dev\/stdin has no size/, [
      ...[...args, "-f", "/dev/stdin", "--shard", "1/2"],
    ]);
  });
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
    expect(await answer("{")).toEqual({ error: "the line is not JSON" });
    expect(await answer(Buffer.from([0xff]))).toEqual({ error: expect.stringMatching(/^the line is not UTF-8/) });
    expect(await answer('{"id": 9, "text": "\\ud800"}')).toMatchObject({
      id: 9,
      error: expect.stringMatching(/lone surrogate/),
    });
    for (const there of ["error", "embedding"]) {
      const line = JSON.stringify({ text: "하나", [there]: null });
      expect(await answer(line)).toEqual({ error: `the line has an "${there}" already` });
    }
    expect(await answer("")).toEqual({ error: "the line is empty" });
    expect(await answer('"둘"')).toMatchObject({ text: "둘", embedding: expect.any(Array) });
    child.stdin.end();
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
    const told = [...err.matchAll(/^munjang: line (\d+) of standard input /gm)].map(([, number]) => Number(number));
    expect(told).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
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

  test.skipIf(process.platform === "win32")("--resume: a file that only its owner may read stays one", async () => {
    const [source, target] = [file("private.txt", "하나\n둘\n"), file("private.jsonl", "old")];
    chmodSync(target, 0o600);
    const { code } = await munjang(["embed", ...flags, "-f", source, "-o", target, "--resume"]);
    expect([code, statSync(target).mode & 0o777]).toEqual([0, 0o600]);
  });

  test("tables with tabs are not taken for lines of text", async () => {
    file("table.tsv", "title\tlabel\n기차\t1\n");
    await refused(2, /\.tsv files are not read here: .* --from text/, ["embed", ...flags, "-f", "table.tsv"]);
    const { out } = await munjang(["embed", ...flags, "-f", "table.tsv", "--from", "text"]);
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).text),
    ).toEqual(["title\tlabel", "기차\t1"]);
  });

  test("--precision int8: a bad row ends it before anything is computed", async () => {
    const rows = Array.from({ length: 2000 }, (_, n) => JSON.stringify(n === 1 ? {} : { text: `${n}번 문장입니다` }));
    const input = file("bad.jsonl", rows.join("\n"));
    await refused(1, /line 2/, ["embed", ...flags, "-f", input, "-o", "bad.npy", "--precision", "int8"]);
  });

  test("options that have no meaning with it", async () => {
    await refused(2, /leave out --file/, ["embed", "--stream", "-f", "x"]);
    await refused(2, /lines of JSON to standard output/, ["embed", "--stream", "-o", "x.npy"], "x");
    await refused(2, /needs all rows before the first/, ["embed", "--stream", "--precision", "int8"], "x");
    await refused(2, /--resume needs --file/, ["embed", "--resume", "-o", "x.npy"], "x");
    await refused(2, /--base64 is for JSON/, ["embed", "--base64", "-o", "x.npy"], "x");
  });
});
