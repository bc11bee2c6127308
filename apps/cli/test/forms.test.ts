// Forms of input and output: JSON lines, .npy.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import { expect, test } from "vitest";
import { file, folder, munjang, refused } from "./run.ts";

const rows = (out: string): Record<string, unknown>[] =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

test("JSON lines in: fields stay as they were written, the vector is added", async () => {
  const lines = '\ufeff{"id": 12345678901234567890, "text": "잠이 옵니다" }\r\n\r\n"기차가 옵니다"\r\n';
  const { code, out, err } = await munjang(["embed", "--truncate-dim", "2", "-f", file("a.jsonl", lines)]);
  expect({ code, err }).toEqual({ code: 0, err: `munjang: passed over 1 line without text of ${folder}/a.jsonl\n` });
  const [first, second] = out.trimEnd().split("\n");
  expect(first).toMatch(/^\{"id": 12345678901234567890, "text": "잠이 옵니다","embedding":\[[^\]]+\]\}$/);
  expect(JSON.parse(second).text).toBe("기차가 옵니다");
  const plain = rows((await munjang(["embed", "--truncate-dim", "2", "잠이 옵니다", "기차가 옵니다"])).out);
  expect(rows(out).map((row) => row.embedding)).toEqual(plain.map((row) => row.embedding));

  const titled = await munjang(["embed", "--from", "jsonl", "--field", "title"], '{"title":"제목"}');
  expect(titled.out).toMatch(/^\{"title":"제목","embedding":\[/);
  expect((await munjang(["tokenize", "--json", "--from", "jsonl"], '{"text":"제목"}')).out).toContain('"text":"제목"');
});

test("JSON lines in: what is wrong, and where", async () => {
  const jsonl = ["embed", "--from", "jsonl"];
  await refused(1, /line 1 of standard input is not JSON/, jsonl, "{text}\n");
  await refused(1, /line 1 of standard input has no text in "text" \(its fields: title\)/, jsonl, '{"title":"x"}');
  await refused(
    1,
    /line 1 of standard input has no text in "__proto__"/,
    [...jsonl, "--field", "__proto__"],
    '{"a":1}',
  );
  await refused(1, /line 2 of standard input must be an object or a string/, jsonl, '\n["x"]\n');
  const twice = await munjang(jsonl, '{"text":"x","embedding":[1]}');
  expect(twice).toMatchObject({ code: 1, out: "" });
  expect(twice.err).toMatch(/has an "embedding" already/);
  await refused(2, /--from is for --file and standard input/, [...jsonl, "문장"]);
});

test("npy: format 1.0, little-endian float32 [N, D], the same numbers as JSON lines", async () => {
  const texts = Array.from({ length: 300 }, (_, i) => `${i}번 문장`); // more than a window
  const target = join(folder, "out.npy");
  const written = await munjang(["embed", "-o", target, "--truncate-dim", "8"], texts.join("\n"));
  expect(written).toEqual({ code: 0, out: "", err: `munjang: 300 vectors of 8 written to ${target}\n` });
  const bytes = readFileSync(target);
  expect([...bytes.subarray(0, 10)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]);
  expect(bytes.subarray(10, 128).toString("latin1")).toBe(
    `${"{'descr': '<f4', 'fortran_order': False, 'shape': (300, 8), }".padEnd(117)}\n`,
  );
  expect(bytes.length).toBe(128 + 4 * 300 * 8);
  const numbers = rows((await munjang(["embed", "--truncate-dim", "8"], texts.join("\n"))).out).flatMap(
    (row) => row.embedding as number[],
  );
  expect(numbers.map((_, i) => bytes.readFloatLE(128 + 4 * i))).toEqual(numbers.map(Math.fround));

  const python = process.env.MUNJANG_PYTHON;
  if (python === undefined) return; // numpy reads it too, where there is one
  const code =
    "import numpy, sys; a = numpy.load(sys.argv[1]); print(a.shape, a.dtype, a.flags.c_contiguous); print(a[299, 7])";
  const numpy = spawnSync(python, ["-c", code, target], { encoding: "utf8" });
  const [about, last] = numpy.stdout.split("\n");
  expect(about).toBe("(300, 8) float32 True");
  expect(Math.fround(Number(last))).toBe(Math.fround(numbers[2399]));
});

test("--precision: the bytes of the engine, in JSON lines and in .npy with their dtype", async () => {
  const texts = Array.from({ length: 300 }, (_, i) => `${i}번 문장${"입니다".repeat(i % 5)}`); // more than a window
  const model = await SentenceTransformer.load(mini);
  const dtypes = { float32: "<f4", int8: "|i1", uint8: "|u1", binary: "|i1", ubinary: "|u1" } as const;
  for (const [precision, dtype] of Object.entries(dtypes) as [keyof typeof dtypes, string][]) {
    const expected = await model.encode(texts, { precision, truncateDim: 20 });
    const width = precision.endsWith("binary") ? 3 : 20;
    const args = ["embed", "--precision", precision, "--truncate-dim", "20"];
    const target = join(folder, `${precision}.npy`);
    const written = await munjang([...args, "-o", target], texts.join("\n"));
    expect(written).toEqual({ code: 0, out: "", err: `munjang: 300 vectors of ${width} written to ${target}\n` });
    const bytes = readFileSync(target);
    expect(bytes.subarray(10, 128).toString("latin1")).toBe(
      `${`{'descr': '${dtype}', 'fortran_order': False, 'shape': (300, ${width}), }`.padEnd(117)}\n`,
    );
    const stored = expected.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
    expect(bytes.subarray(128).equals(Buffer.concat(stored)), precision).toBe(true);
    const lines = rows((await munjang(args, texts.join("\n"))).out);
    expect(lines.map((row) => row.text)).toEqual(texts);
    expect(lines.map((row) => (row.embedding as number[]).map(Math.fround))).toEqual(expected.map((r) => [...r]));
    const python = process.env.MUNJANG_PYTHON;
    if (python === undefined) continue; // numpy reads it too, where there is one
    const code =
      "import numpy, sys; a = numpy.load(sys.argv[1]); print(a.shape, a.dtype, int(float(a[299, 2]) * 2**20))";
    const numpy = spawnSync(python, ["-c", code, target], { encoding: "utf8" });
    const name = expected[0].constructor.name.replace("Array", "").toLowerCase();
    expect(numpy.stdout).toBe(`(300, ${width}) ${name} ${Math.trunc(expected[299][2] * 2 ** 20)}\n`);
  }
  await model.dispose();
  await refused(1, /--precision int8 needs two or more/, ["embed", "--precision", "int8", "하나"]);
  await refused(2, /Allowed choices are float32, int8, uint8, binary, ubinary/, ["embed", "--precision", "x", "하나"]);
});

test("npy: only into a file, and nothing is left behind where it fails", async () => {
  await refused(2, /npy needs --output FILE/, ["embed", "--format", "npy", "문장"]);
  await refused(2, /--json is not --format npy/, ["embed", "--json", "--format", "npy", "-o", "x.npy", "문장"]);
  if (process.platform !== "win32")
    await refused(2, /npy needs a file/, ["embed", "--format", "npy", "-o", "/dev/null", "문장"]);
  const failed = await munjang(["embed", "-o", "bad.npy"], Uint8Array.of(0x61, 0x0a, 0xff, 0x0a));
  expect(failed.code).toBe(1);
  expect(existsSync(join(folder, "bad.npy"))).toBe(false);
});

test("the ending of --output names the form; --format goes before it", async () => {
  const { err } = await munjang(["embed", "--truncate-dim", "1", "-o", "a.csv", "하나"]);
  expect(err).toContain("1 vector of 1 written");
  expect(readFileSync(join(folder, "a.csv"), "utf8")).toMatch(/^text,e0\n하나,/);
  await munjang(["embed", "--truncate-dim", "1", "--format", "json", "-o", "b.csv", "하나"]);
  expect(readFileSync(join(folder, "b.csv"), "utf8")).toMatch(/^\[\n\{"text"/);
});
