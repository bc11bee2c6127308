// `munjang classify` as a command: the bundled model on texts of our own.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "./csv.ts";
import { file, folder, munjang, refused, toFull } from "./run.ts";
import { EXAMPLES, TESTS } from "./topics.ts";

const csv = (rows: readonly (readonly [string, string])[]): string =>
  `text,label\r\n${rows.map(([text, label]) => `"${text}",${label}\r\n`).join("")}`;
const at = (name: string): string => join(folder, name);
const lines = (out: string) =>
  out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

beforeAll(async () => {
  file("examples.csv", csv(EXAMPLES));
  file("tests.csv", csv(TESTS));
  expect(await munjang(["classify", "train", "examples.csv", "-o", "topics.json"])).toMatchObject({ code: 0 });
});

describe("classify", () => {
  test("train tells what it chose, and the same seed gives the same file", async () => {
    const { code, out, err } = await munjang(["classify", "train", "examples.csv", "-o", "again.json"]);
    expect(code).toBe(0);
    expect(out).toMatch(/label +examples\n/);
    expect(out).toMatch(/C, by 5-fold cross-validation:/);
    expect(out).toMatch(/\d \* /);
    expect(err).toBe("munjang: written to again.json\n");
    expect(readFileSync(at("again.json"), "utf8")).toBe(readFileSync(at("topics.json"), "utf8"));
    const json = JSON.parse(
      (await munjang(["classify", "train", "examples.csv", "-o", "c.json", "-c", "3", "--json"])).out,
    );
    expect(json).toMatchObject({ C: 3, tried: [], features: "embeddings", model: "munjang-mini-ko" });
  });

  test("evaluate prints, and writes JSON and a picture", async () => {
    const args = ["classify", "evaluate", "topics.json", "tests.csv"];
    const { code, out, err } = await munjang([...args, "--svg", "confusion.svg", "--output", "results.json"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const results = JSON.parse(readFileSync(at("results.json"), "utf8"));
    expect(results.texts).toBe(TESTS.length);
    expect(results.accuracy).toBeGreaterThan(0.6); // by chance: a third
    expect(out).toContain(`accuracy ${results.accuracy.toFixed(4)}  macro F1 ${results.macroF1.toFixed(4)}`);
    expect(readFileSync(at("confusion.svg"), "utf8")).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(JSON.parse((await munjang([...args, "--json"])).out)).toEqual(results);
  });

  test("predict gives the labels that evaluate counted, in every form", async () => {
    const texts = TESTS.map(([text]) => text);
    const { out } = await munjang(["classify", "predict", "topics.json", ...texts]);
    const rows = lines(out);
    expect(rows.map(({ text }) => text)).toEqual(texts);
    for (const { label, probability, probabilities } of rows) {
      expect(Object.keys(probabilities)).toEqual(["교통", "날씨", "음식"]);
      expect(probabilities[label]).toBe(probability);
      expect(probability).toBe(Math.max(...(Object.values(probabilities) as number[])));
    }
    const right = rows.filter(({ label }, i) => label === TESTS[i][1]).length;
    const results = JSON.parse((await munjang(["classify", "evaluate", "topics.json", "tests.csv", "--json"])).out);
    expect(right / TESTS.length).toBe(results.accuracy);

    expect((await munjang(["classify", "predict", "topics.json"], `\ufeff${texts.join("\r\n")}\r\n`)).out).toBe(out);
    const jsonl = texts.map((title) => JSON.stringify({ title })).join("\n");
    const asJson = ["classify", "predict", "topics.json", "--file", file("t.jsonl", jsonl), "--text", "title"];
    expect((await munjang(asJson)).out).toBe(out);
    const table = ["classify", "predict", "topics.json", "-f", "tests.csv"];
    expect((await munjang(table)).out).toBe(out);
    expect((await munjang([...table.slice(0, 3), "--from", "csv"], readFileSync(at("tests.csv")))).out).toBe(out);
    expect(await munjang([...table, "--output", "labels.csv"])).toMatchObject({ code: 0, out: "" });
    const [head, ...cells] = parse(readFileSync(at("labels.csv"), "utf8"));
    expect(head).toEqual(["text", "label", "probability", "p:교통", "p:날씨", "p:음식"]);
    expect(cells).toEqual(
      rows.map(({ text, label, probability, probabilities }) =>
        [text, label, probability, ...(Object.values(probabilities) as number[])].map(String),
      ),
    );
  });

  test("more texts than are embedded at once come in order", async () => {
    const many = Array.from({ length: 600 }, (_, i) => `${i}번 버스`);
    const { out } = await munjang(["classify", "predict", "topics.json"], many.join("\n"));
    expect(lines(out).map(({ text }) => text)).toEqual(many);
  });

  test("long documents are read by sentences, and it is said", async () => {
    const long = `${"비가 내리고 바람이 붑니다. ".repeat(60)}`;
    const split = await munjang(["classify", "predict", "topics.json", long]);
    expect(split.err).toBe("munjang: 1 text read by sentences, and averaged\n");
    const once = lines((await munjang(["classify", "predict", "topics.json", "비가 내리고 바람이 붑니다."])).out);
    expect(lines(split.out)[0].probability).toBeCloseTo(once[0].probability, 5);
    const endless = await munjang(["classify", "predict", "topics.json", "비가 내리고 ".repeat(200)]);
    expect(endless.err).toBe("munjang: 1 text cut: longer than the 128 tokens the model reads at once\n");
    const never = ["classify", "train", "examples.csv", "-o", "never.json", "--sentences", "never"];
    expect((await munjang(never)).code).toBe(0);
    expect((await munjang(["classify", "predict", "never.json", long])).err).toMatch(/1 text cut/);
  });

  test("features of characters need no model", async () => {
    const train = ["classify", "train", "examples.csv", "--features", "characters", "-o", "characters.json"];
    expect((await munjang(train)).code).toBe(0);
    const elsewhere = ["--model", "no/such/folder"];
    const { code, out } = await munjang(["classify", "predict", "characters.json", "버스가 왔다", ...elsewhere]);
    expect(code).toBe(0);
    expect(lines(out)[0].label).toBe("교통");
    const both = ["classify", "train", "examples.csv", "--features", "both", "-o", "both.json"];
    expect((await munjang(both)).code).toBe(0);
    expect((await munjang(["classify", "evaluate", "both.json", "tests.csv"])).code).toBe(0);
  });

  test("labels may be called anything", async () => {
    const rows = EXAMPLES.map(
      ([text, label]) => [text, label === "교통" ? "__proto__" : label === "음식" ? "7" : "a,b"] as const,
    );
    const quoted = `text,label\n${rows.map(([text, label]) => `${text},"${label}"\n`).join("")}`;
    expect((await munjang(["classify", "train", file("odd.csv", quoted), "-o", "odd.json"])).code).toBe(0);
    const { out } = await munjang(["classify", "predict", "odd.json", "버스가 늦는다", "--format", "csv"]);
    expect(parse(out)[0]).toEqual(["text", "label", "probability", "p:7", "p:__proto__", "p:a,b"]);
    const json = (await munjang(["classify", "predict", "odd.json", "버스가 늦는다"])).out;
    expect(json).toMatch(/"probabilities":\{"7":[\d.e-]+,"__proto__":[\d.e-]+,"a,b":[\d.e-]+\}\}\n$/);
  });
});

describe("classify refuses", () => {
  const train = (table: string, ...more: string[]): string[] => ["classify", "train", table, "-o", "new.json", ...more];
  const nothingWritten = (): void => {
    expect(existsSync(at("new.json"))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  };

  test("tables that nothing can be learnt from", async () => {
    await refused(
      1,
      /examples\.csv, column "topic": there is no such column; the header names text, label/,
      train("examples.csv", "--label", "topic"),
    );
    await refused(
      1,
      /all 2 examples have the label "a": there is nothing to tell apart/,
      train(file("one.csv", "text,label\nx,a\ny,a\n")),
    );
    await refused(1, /no label has two examples/, train(file("lone.csv", "text,label\nx,a\ny,b\n")));
    await refused(
      1,
      /line 3 of .*gap\.csv, column "label": there is nothing in it/,
      train(file("gap.csv", "text,label\nx,a\ny,\n")),
    );
    await refused(
      1,
      /line 2 of .*blank\.csv, column "text": there is nothing in it/,
      train(file("blank.csv", "text,label\n ,a\n")),
    );
    await refused(1, /none\.csv: it is empty/, train(file("none.csv", "")));
    await refused(1, /head\.csv: there is no row in it/, train(file("head.csv", "text,label\n")));
    await refused(1, /no such file/, train("nowhere.csv"));
    await refused(
      1,
      /UTF-8/,
      train(file("latin.csv", new Uint8Array([...Buffer.from("text,label\nx,a\n"), 0xb0, 0xa1, 0x2c, 0x62, 0x0a]))),
    );
    nothingWritten();
  });

  test("command lines that cannot be meant", async () => {
    await refused(2, /required option '-o, --output <file>'/, ["classify", "train", "examples.csv"]);
    await refused(2, /above 0/, train("examples.csv", "-c", "0"));
    await refused(2, /from 2 up/, train("examples.csv", "--folds", "1"));
    await refused(2, /Allowed choices are embeddings, characters, both/, train("examples.csv", "--features", "x"));
    await refused(2, /--from csv is for --file and standard input/, [
      "classify",
      "predict",
      "topics.json",
      "a text",
      "--from",
      "csv",
    ]);
    await refused(1, /cannot write no\/new\.json: there is no such folder/, [
      "classify",
      "train",
      "examples.csv",
      "-o",
      "no/new.json",
    ]);
    nothingWritten();
  });

  test("classifiers that are none, or of another model", async () => {
    const predict = (classifier: string): string[] => ["classify", "predict", classifier, "비가 온다"];
    await refused(1, /cannot read nowhere\.json: there is no such file/, predict("nowhere.json"));
    await refused(1, /is no classifier of munjang/, predict(file("other.json", "{}")));
    await refused(1, /is no classifier: it is not JSON/, predict("examples.csv"));
    await refused(1, /trained with vectors of another model \(dtype "int8", not "int8-12"\)/, [
      ...predict("topics.json"),
      "--dtype",
      "int8-12",
    ]);
    const changed = JSON.parse(readFileSync(at("topics.json"), "utf8"));
    changed.identity.model = "0";
    writeFileSync(at("changed.json"), JSON.stringify(changed));
    await refused(
      1,
      /another model \(model\): give the one it was trained with, --model munjang-mini-ko/,
      predict("changed.json"),
    );
  });

  test("outputs that are another, or an input", async () => {
    const before = readFileSync(at("examples.csv"), "utf8");
    await refused(2, /the table and --output are one file, examples\.csv: name another/, [
      ...["classify", "train", "examples.csv", "--output", "examples.csv"],
    ]);
    expect(readFileSync(at("examples.csv"), "utf8")).toBe(before);
    const evaluate = ["classify", "evaluate", "topics.json", "tests.csv"];
    await refused(2, /--output and --svg are one file/, [...evaluate, "-o", "one.x", "--svg", "one.x"]);
    await refused(2, /the classifier and --output are one file/, [...evaluate, "-o", "topics.json"]);
    await refused(2, /--file and --output are one file/, [
      ...["classify", "predict", "topics.json", "-f", "tests.csv", "-o", "tests.csv"],
    ]);
    await refused(2, /--file and --output are one file/, ["embed", "-f", "tests.csv", "-o", "tests.csv"]);
  });

  test("a label is the same, however its letters are composed", async () => {
    const rows = EXAMPLES.map(([text, label], i) => [text, i % 2 ? label.normalize("NFD") : label] as const);
    file("forms.csv", csv(rows));
    const { out } = await munjang(["classify", "train", "forms.csv", "-o", "forms.json", "-c", "1", "--json"]);
    expect(JSON.parse(out).labels).toEqual(["교통", "날씨", "음식"]);
  });

  test("a picture that cannot be written leaves no results either", async () => {
    const args = ["classify", "evaluate", "topics.json", "tests.csv", "--output", "alone.json", "--svg", "no/c.svg"];
    await refused(1, /cannot write no\/c\.svg/, args);
    expect(readdirSync(folder).filter((name) => /alone|\.part$/.test(name))).toEqual([]);
  });

  test.skipIf(!existsSync("/dev/full"))("a full disk", async () => {
    const full = /^munjang: cannot write \/dev\/full: the disk is full\n$/;
    const evaluate = ["classify", "evaluate", "topics.json", "tests.csv"];
    await refused(1, full, ["classify", "train", "examples.csv", "--output", "/dev/full"]);
    await refused(1, full, [...evaluate, "--output", "/dev/full"]);
    await refused(1, full, [...evaluate, "--svg", "/dev/full"]);
    const predicted = await toFull(["classify", "predict", "topics.json", "--file", "tests.csv"]);
    expect(predicted).toEqual({ code: 1, out: "", err: "munjang: cannot write standard output: the disk is full\n" });
  });
});
