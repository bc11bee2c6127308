import { describe, expect, test } from "vitest";
import { Usage } from "../src/input.ts";
import { parseTable, readTable, TableError, type TableFormat, type TableOptions, type TableRow } from "../src/table.ts";
import { file } from "./run.ts";

type Options = Omit<TableOptions, "format">;

/** The bytes in pieces of so many. */
async function* pieces(content: string | Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(content);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function rows(
  content: string | Uint8Array,
  format: TableFormat,
  options: Options,
  size = 1 << 16,
): Promise<TableRow[]> {
  const found: TableRow[] = [];
  for await (const row of parseTable(pieces(content, size), "data", { ...options, format })) found.push(row);
  return found;
}

/** The values of the columns, and the line of every row. */
async function read(
  content: string | Uint8Array,
  format: TableFormat,
  options: Options,
): Promise<(string | number)[][]> {
  const found = await rows(content, format, options);
  // However the bytes are cut, characters and line ends included.
  for (const size of [1, 2, 3, 7]) expect(await rows(content, format, options, size)).toEqual(found);
  // A mark at the beginning and returns at the ends of lines may not be counted.
  expect(Math.abs(Buffer.byteLength(content) - (found.at(-1)?.position ?? 0))).toBeLessThan(8);
  return found.map(({ line, values }) => [line, ...options.columns.map((column) => values[column])]);
}

async function failure(content: string | Uint8Array, format: TableFormat, options: Options): Promise<TableError> {
  const error = await rows(content, format, options).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(TableError);
  return error as TableError;
}

const pair = { columns: ["문장", "label"] };

describe("what is read", () => {
  test("CSV: quotes, line ends in a field, CR LF, a byte order mark, empty lines", async () => {
    const lines = [
      "\ufefflabel,other,문장",
      '1,x,"쉼표, 그리고 ""따옴표"""',
      "",
      '2,y,"두',
      '줄, 끝"',
      '"3",,한 줄',
      '4,"",  빈칸  ',
    ];
    const expected = [
      [2, '쉼표, 그리고 "따옴표"', "1"],
      [4, "두\n줄, 끝", "2"],
      [6, "한 줄", "3"],
      [7, "  빈칸  ", "4"],
    ];
    expect(await read(`${lines.join("\n")}\n`, "csv", pair)).toEqual(expected);
    expect(await read(lines.join("\n"), "csv", pair)).toEqual(expected);
    const returns = expected.map(([line, text, label]) => [line, String(text).replace("\n", "\r\n"), label]);
    expect(await read(`${lines.join("\r\n")}\r\n`, "csv", pair)).toEqual(returns);
  });

  test("TSV: a quote is a character like another, unless fields are said to be quoted", async () => {
    const table = 'label\t문장\n1\t"그래" 하고 말했다\n0\t5" 화면\n1\t"전부"\n';
    expect(await read(table, "tsv", pair)).toEqual([
      [2, '"그래" 하고 말했다', "1"],
      [3, '5" 화면', "0"],
      [4, '"전부"', "1"],
    ]);
    const quoted = 'label\t문장\n1\t"탭\t과 ""따옴표"""\n';
    expect(await read(quoted, "tsv", { ...pair, quoted: true })).toEqual([[2, '탭\t과 "따옴표"', "1"]]);
  });

  test("JSON lines: numbers and booleans as texts, fields in any order", async () => {
    const table =
      '\ufeff{"문장":"하나\\n둘","label":1}\r\n\r\n{"label":0.25,"문장":"𝄞","x":[1]}\n{"문장":"c","label":true}';
    expect(await read(table, "jsonl", pair)).toEqual([
      [1, "하나\n둘", "1"],
      [3, "𝄞", "0.25"],
      [4, "c", "true"],
    ]);
  });

  test("optional columns, and all others", async () => {
    const values = async (content: string, format: TableFormat, options: Options) =>
      (await rows(content, format, options)).map((row) => row.values);
    const asked = { columns: ["a"], optional: ["b", "c"] };
    expect(await values("a,b,x\n1,,9\n", "csv", asked)).toEqual([{ a: "1", b: "", c: "" }]);
    expect(await values('{"a":1,"b":null,"x":9}\n', "jsonl", asked)).toEqual([{ a: "1", b: "", c: "" }]);
    const all = { columns: ["a"], others: true };
    expect(await values("a,b,x\n1,,9\n", "csv", all)).toEqual([{ a: "1", b: "", x: "9" }]);
    expect(await values('{"a":1}\n{"a":2,"x":"y"}\n', "jsonl", all)).toEqual([{ a: "1" }, { a: "2", x: "y" }]);
    expect(await values("__proto__,constructor\n1,2\n", "csv", { columns: ["__proto__", "constructor"] })).toEqual([
      Object.fromEntries([
        ["__proto__", "1"],
        ["constructor", "2"],
      ]),
    ]);
  });

  test("the ending of a file says what it is; a format given goes before", async () => {
    const lines = async (path: string, format?: TableFormat) => {
      const found: number[] = [];
      for await (const { line } of readTable(path, { columns: ["a"], format })) found.push(line);
      return found;
    };
    expect(await lines(file("x.CSV", "a,b\n1,2\n"))).toEqual([2]);
    expect(await lines(file("x.tsv", "a\tb\n1\t2\n"))).toEqual([2]);
    expect(await lines(file("x.tab", "a\tb\n1\t2\n"))).toEqual([2]);
    expect(await lines(file("x.jsonl", '{"a":1}\n'))).toEqual([1]);
    expect(await lines(file("x.ndjson", '{"a":1}\n'))).toEqual([1]);
    expect(await lines(file("x.txt", "a\tb\n1\t2\n"), "tsv")).toEqual([2]);
    expect(await lines(file("x.csv", '{"a":1}\n'), "jsonl")).toEqual([1]);
  });

  test("rows come before the end of the input has", async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<string> {
      yield "a,b\n";
      for (;;) yield `${sent++},${"x".repeat(1000)}\n`;
    }
    let taken = 0;
    for await (const { values } of parseTable(endless(), "data", { columns: ["a"], format: "csv" })) {
      expect(values.a).toBe(String(taken));
      if (++taken === 1000) break;
    }
    expect(sent).toBeLessThan(2000);
  });
});

describe("what is refused, with its place", () => {
  test("columns", async () => {
    const missing = await failure("a,b\n1,2\n", "csv", { columns: ["a", "label"] });
    expect(missing).toMatchObject({ file: "data", line: undefined, column: "label" });
    expect(missing.message).toBe('data, column "label": there is no such column; the header names a, b');
    expect((await failure('"a"\t"b"\n"1"\t"2"\n', "tsv", { columns: ["a"] })).message).toContain(
      "its fields are quoted",
    );
    const twice = await failure("a,b,a\n1,2,3\n", "csv", { columns: ["a"] });
    expect(twice.message).toBe('line 1 of data, column "a": the header names it twice');
    const absent = await failure('{"a":"1"}\n{"b":"2","c":"3"}\n', "jsonl", { columns: ["a"] });
    expect(absent.message).toBe('line 2 of data, column "a": there is no such field; there are b, c');
  });

  test("rows", async () => {
    const asked = { columns: ["a"] };
    const short = await failure('a,b\n"1\n1",2\n3\n', "csv", asked);
    expect(short.message).toBe("line 4 of data: 1 field, where the header has 2");
    expect((await failure("a\tb\n1\t2\t3\n", "tsv", asked)).message).toBe(
      "line 2 of data: 3 fields, where the header has 2",
    );
    const empty = await failure("b,a\n1,2\n\n3, \n", "csv", asked);
    expect(empty.message).toBe('line 4 of data, column "a": there is nothing in it');
    expect(await failure('{"a":" "}\n', "jsonl", asked)).toMatchObject({ line: 1, column: "a" });
    const nested = await failure('{"a":"x"}\n{"a":["y"]}\n', "jsonl", asked);
    expect(nested.message).toBe('line 2 of data, column "a": a text or a number is needed, not ["y"]');
    expect((await failure('{"a":"x"}\n\n[1]\n', "jsonl", asked)).message).toBe(
      "line 3 of data: JSON lines have one object a line",
    );
    expect((await failure('{"a":"x"}\n{"a":\n', "jsonl", asked)).message).toMatch(
      /^line 2 of data: this is not JSON: /,
    );
  });

  test("nothing in it", async () => {
    for (const format of ["csv", "tsv"] as const) {
      expect((await failure("", format, { columns: ["a"] })).message).toBe("data: it is empty");
      expect((await failure("\n\r\n", format, { columns: ["a"] })).message).toBe("data: it is empty");
      expect((await failure("a\n", format, { columns: ["a"] })).message).toBe("data: there is no row in it");
    }
    expect((await failure("\n", "jsonl", { columns: ["a"] })).message).toBe("data: there is no row in it");
  });

  test("quotes", async () => {
    const asked = { columns: ["a"] };
    const open = await failure('a,b\n"x\r\ny",1\n2,"never\nclosed\n', "csv", asked);
    expect(open).toMatchObject({ line: 4, column: "b" });
    expect(open.message).toContain("never closed");
    const behind = await failure('a,b\n1,"x"y\n', "csv", asked);
    expect(behind).toMatchObject({ line: 2, column: "b" });
    expect(behind.message).toContain("text behind the quote");
    const inside = await failure('a,b\n"x\r\n",1\n5" x,2\n', "csv", asked);
    expect(inside).toMatchObject({ line: 4, column: "a" });
    expect(inside.message).toContain("in a field that is not quoted");
  });

  test("a quote that takes the rest of a large file into its field", async () => {
    async function* endless(): AsyncGenerator<string> {
      yield 'a,b\n1,2\n3,"';
      for (;;) yield "x".repeat(1 << 20);
    }
    const read = async () => {
      for await (const { line } of parseTable(endless(), "data", { columns: ["a"], format: "csv" })) void line;
    };
    await expect(read()).rejects.toThrow(
      'line 3 of data, column "b": more than 64 MB in one row: a quote may not be closed',
    );
  });

  test.each(["csv", "tsv", "jsonl"] as const)("bytes that are not UTF-8 (%s)", async (format) => {
    const start = format === "jsonl" ? '{"a":"가"}\n' : "a\n가\n";
    const [head, tail] = format === "jsonl" ? ['{"a":"é', '"}\n'] : ["é", "\n"];
    const before = Buffer.from(`${start}${head}`);
    const line = format === "jsonl" ? 2 : 3;
    const wrong: [string, number[], number][] = [
      ["Latin-1", [0xe9], 0xe9],
      ["a continuation alone", [0x80], 0x80],
      ["an overlong slash", [0xc0, 0xaf], 0xc0],
      ["a surrogate", [0xed, 0xa0, 0x80], 0xed],
      ["beyond Unicode", [0xf4, 0x90, 0x80, 0x80], 0xf4],
      ["EUC-KR", [0xb0, 0xa1], 0xb0],
    ];
    for (const [name, bytes, first] of wrong) {
      const content = Buffer.concat([before, Buffer.from(bytes), Buffer.from(tail)]);
      const error = await failure(content, format, { columns: ["a"] });
      const said = `line ${line} of data: byte ${before.length + 1}, 0x${first.toString(16)}, is not UTF-8; convert it first, for example with iconv`;
      expect(error.message, name).toBe(said);
      for (const size of [1, 2, 3]) {
        const pieced = await rows(content, format, { columns: ["a"] }, size).catch((caught: Error) => caught);
        expect(pieced, `${name} in pieces of ${size}`).toMatchObject({ message: said });
      }
    }
    const cut = Buffer.from(`${start}${head}가`).subarray(0, -1);
    expect((await failure(cut, format, { columns: ["a"] })).message).toContain(
      `line ${line} of data: byte ${cut.length - 1}, 0xea,`,
    );
    const utf16 = Buffer.from(`\ufeff${start}`, "utf16le");
    expect((await failure(utf16, format, { columns: ["a"] })).message).toMatch(
      /^line 1 of data: byte 1, 0xff, .*UTF-16/,
    );
  });

  test("files", async () => {
    const first = (path: string) => readTable(path, { columns: ["a"] }).next();
    const later = readTable("/nowhere/x.csv", { columns: ["a"] }); // nothing is opened, so nothing fails unheard
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    await expect(later.next()).rejects.toThrow("there is no such file");
    await expect(first("/nowhere/x.csv")).rejects.toThrow("cannot read /nowhere/x.csv: there is no such file");
    await expect(first("/nowhere/x.jsonl")).rejects.toThrow("cannot read /nowhere/x.jsonl: there is no such file");
    expect(() => readTable("x.txt", { columns: ["a"] })).toThrow(Usage);
    expect(() => readTable("-", { columns: ["a"] })).toThrow(/standard input may be CSV, TSV or JSON lines/);
    expect(() => readTable("", { columns: ["a"] })).toThrow(Usage);
  });
});
