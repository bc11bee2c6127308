// `munjang evaluate` as it is run: its examples, its outputs, and what it refuses.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import { beforeAll, describe, expect, test } from "vitest";
import type { BinaryFlags, RetrievalFlags, StsFlags } from "../src/evaluate/command.ts";
import { evaluateSts } from "../src/evaluate/index.ts";
import { readBinary, readRetrieval, readSts } from "../src/evaluate/tables.ts";
import { examplesOf } from "./examples.ts";
import { file, folder, main, munjang, refused, run } from "./run.ts";

const page = readFileSync(new URL("../../../docs/evaluate.md", import.meta.url), "utf8");
const pairs = [
  ["잠이 옵니다", "졸음이 옵니다", 4.5],
  ["잠이 옵니다", "기차가 옵니다", 0.5],
  ["비가 옵니다", '"눈"이 옵니다', 2],
] as const;

beforeAll(() => {
  const lines = pairs.map((pair) => pair.join("\t"));
  file("sts.tsv", `sentence1\tsentence2\tscore\n${lines.join("\n")}\n`);
  const nli = ["비가 온다,날이 흐리다,entailment", "비가 온다,날이 맑다,contradiction", "비가 온다,춥다,neutral"];
  file("nli.csv", `premise,hypothesis,gold\n${nli.join("\n")}\n`);
  file("queries.jsonl", '{"_id": "q1", "text": "졸리다"}\n{"_id": "q2", "text": "열차 시간"}\n');
  file("corpus.jsonl", '{"_id": "d1", "text": "잠이 옵니다"}\n{"_id": "d2", "title": "역", "text": "기차가 옵니다"}\n');
  file("qrels.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n");
});

describe.skipIf(process.platform === "win32")("examples", () => {
  beforeAll(() => {
    mkdirSync(join(folder, "bin"));
    const shim = join(folder, "bin/munjang");
    writeFileSync(shim, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
    chmodSync(shim, 0o755);
  });
  const works = async (line: string): Promise<void> => {
    const PATH = `${join(folder, "bin")}${delimiter}${process.env.PATH}`;
    expect(await run("sh", ["-c", line], "", { PATH, HF_HUB_OFFLINE: "1" }), line).toMatchObject({ code: 0 });
  };

  test.each(["evaluate", "evaluate sts", "evaluate binary", "evaluate retrieval"])(
    "munjang %s --help",
    async (command) => {
      const { out } = await munjang([...command.split(" "), "--help"]);
      const lines = examplesOf(out);
      expect(lines.length).toBeGreaterThan(1);
      for (const line of lines) await works(line);
    },
  );

  test("docs/evaluate.md, shell", async () => {
    const lines = [...page.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) => block.trim().split("\n"));
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines.filter((each) => each.startsWith("npx munjang"))) await works(line.replace("npx ", ""));
  });

  test("docs/evaluate.md, TypeScript", async () => {
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map(([, block]) => block);
    expect(blocks).toHaveLength(1);
    // Where it stands, the packages are found.
    const script = fileURLToPath(new URL(`../example-${process.pid}.mjs`, import.meta.url));
    writeFileSync(script, blocks[0]);
    const { code, out, err } = await run(process.execPath, [script]).finally(() => run("rm", [script]));
    expect(err).toBe("");
    expect(code).toBe(0);
    expect(out).toMatch(/^-?[\d.]+\n$/);
  });
});

test("sts: a table, JSON and a picture of the same numbers", async () => {
  const args = ["evaluate", "sts", "sts.tsv"];
  const shown = await munjang([...args, "--svg", "scatter.svg", "-o", "sts.json"]);
  expect(shown).toMatchObject({ code: 0, err: "munjang: written to scatter.svg\nmunjang: written to sts.json\n" });
  const printed = await munjang([...args, "--json"]);
  expect(readFileSync(join(folder, "sts.json"), "utf8")).toBe(printed.out);
  const results = JSON.parse(printed.out);
  expect(results).toMatchObject({
    task: "sts",
    model: mini.name,
    table: "sts.tsv",
    pairs: 3,
    identity: { dtype: "int8" },
  });

  const model = await SentenceTransformer.load(fileURLToPath(new URL(".", mini.files["config.json"])));
  const given = pairs.map(([sentence1, sentence2, score]) => ({ sentence1, sentence2, score }));
  const { correlations, similarities } = await evaluateSts(model, given);
  await model.dispose();
  expect(results.correlations).toEqual(correlations);
  expect(shown.out).toContain(`cosine      ${correlations.cosine.pearson.toFixed(4)}`);

  const svg = readFileSync(join(folder, "scatter.svg"), "utf8");
  expect(svg).toContain("<title>비가 옵니다\n&quot;눈&quot;이 옵니다</title>");
  expect(svg.match(/<circle /g)).toHaveLength(3);
  const heights = [...svg.matchAll(/cy="([\d.]+)"/g)].map(([, y]) => Number(y));
  const order = (values: readonly number[]): number[] => [0, 1, 2].sort((a, b) => values[a] - values[b]);
  expect(order(heights).reverse()).toEqual(order([...similarities.cosine]));
});

test("sts: equal similarities have no correlation, and every form of table gives the same", async () => {
  const rows = [1, 2, 3].map((score) => ({ a: "잠", b: "잠", score }));
  const lines = rows.map((row) => JSON.stringify(row)).join("\n");
  const args = ["evaluate", "sts", "-", "--format", "jsonl", "--fields", "a,b"];
  const { out } = await munjang(args, lines);
  expect(out).toMatch(/cosine +– +–\n/);
  expect(JSON.parse((await munjang([...args, "--json"], lines)).out).correlations.cosine).toEqual({
    pearson: null,
    spearman: null,
  });

  const csv = `score,sentence1,sentence2\r\n${pairs.map(([a, b, score]) => `${score},${a},"${b.replaceAll('"', '""')}"\r\n`).join("")}`;
  const correlations = async (table: string[], input = "") =>
    JSON.parse((await munjang(["evaluate", "sts", ...table, "--json"], input)).out).correlations;
  expect(await correlations(["-", "--format", "csv"], csv)).toEqual(await correlations(["sts.tsv"]));
  const truncated = await correlations(["sts.tsv", "--truncate-dim", "8"]);
  expect(truncated).not.toEqual(await correlations(["sts.tsv"]));
});

test("binary: labels by name, some left out", async () => {
  const args = ["evaluate", "binary", "nli.csv", "--fields", "premise,hypothesis", "--label", "gold"];
  const { out } = await munjang([...args, "--positive", "entailment", "--json"]);
  expect(JSON.parse(out)).toMatchObject({ task: "binary", pairs: 3, same: 1, ignored: 0 });
  const without = JSON.parse(
    (await munjang([...args, "--positive", "entailment", "--ignore", "neutral", "--json"])).out,
  );
  expect(without).toMatchObject({ pairs: 2, same: 1, ignored: 1 });
  expect(Object.keys(without.scores)).toEqual(["cosine", "dot", "manhattan", "euclidean"]);
  const plain = "sentence1\tsentence2\tlabel\na\tb\t1\nc\td\tFALSE\ne\tf\t0\n";
  const shown = await munjang(["evaluate", "binary", "-", "--format", "tsv"], plain);
  expect(shown.out).toMatch(/^munjang-mini-ko: 3 pairs of -, 1 belong together\n +accuracy +limit +F1 /);
});

test("retrieval: titles, ids, and grades", async () => {
  const args = ["evaluate", "retrieval", "--queries", "queries.jsonl", "--corpus", "corpus.jsonl"];
  const { out } = await munjang([...args, "--qrels", "qrels.tsv", "--json"]);
  const results = JSON.parse(out);
  expect(results).toMatchObject({ task: "retrieval", queries: 2, documents: 2, similarityFunction: "cosine" });
  expect(results.measures["recall@10"]).toBe(1);
  expect(Object.keys(results.measures).slice(0, 3)).toEqual(["ndcg@10", "mrr@10", "map@100"]);
  file("plain.csv", "q,d\nq1,d2\n");
  const shown = await munjang([...args, "--qrels", "plain.csv", "--judgements", "q,d"]);
  expect(shown.out).toMatch(/^munjang-mini-ko: 1 queries, 2 documents, by cosine\n {2}ndcg@10 +[01]\.\d{4}\n/);
});

test("retrieval: empty documents, and judgements about documents that are not there, as some sets have them", async () => {
  file("thin.jsonl", '{"_id":"d1","title":"","text":"기차가 온다"}\n{"_id":"d2","title":"","text":""}\n');
  file("ask.jsonl", '{"_id":"q1","text":"기차"}\n');
  file("thin.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\tgone\t1\n");
  const args = [
    "evaluate",
    "retrieval",
    "--queries",
    "ask.jsonl",
    "--corpus",
    "thin.jsonl",
    "--qrels",
    "thin.tsv",
    "--json",
  ];
  const { code, out, err } = await munjang(args);
  expect({ code, err }).toEqual({
    code: 0,
    err: "munjang: 1 judgement is about a document that thin.jsonl does not have; they count as never found\n",
  });
  expect(JSON.parse(out)).toMatchObject({ documents: 2, measures: { "recall@10": 0.5, "mrr@10": 1 } });
});

test("what is refused: one line, an exit code, no file", async () => {
  const one = ["evaluate", "sts", "-", "--format", "tsv", "--svg", "no.svg", "-o", "no.json"];
  const table = "sentence1\tsentence2\tscore\n";
  await refused(1, /standard input: it is empty/, one);
  await refused(1, /line 3 of standard input, column "score": "x" is not a number/, one, `${table}a\tb\t1\nc\td\tx\n`);
  await refused(1, /all 2 scores are 3/, one, `${table}a\tb\t3\nc\td\t3\n`);
  await refused(1, /byte 27, 0xb0, is not UTF-8/, one, Buffer.from(`${table}\u00b0\tb\t3`, "latin1"));
  await refused(1, /cannot read nowhere.csv: there is no such file/, ["evaluate", "sts", "nowhere.csv"]);
  await refused(2, /its ending does not say/, ["evaluate", "sts", "-"], table);
  await refused(2, /required option '--qrels/, ["evaluate", "retrieval", "--queries", "a", "--corpus", "b"]);
  expect(readdirSync(folder).filter((name) => /^no\.|\.part$/.test(name))).toEqual([]);
});

describe("tables that are refused", () => {
  const sts = (content: string, more: Partial<StsFlags> = {}) => {
    const flags = { fields: "sentence1,sentence2", score: "score", ...more } as StsFlags;
    return readSts(file("refused.tsv", content), flags);
  };
  const binary = (more: Partial<BinaryFlags> = {}) => {
    const flags = { fields: "premise,hypothesis", label: "gold", ...more } as BinaryFlags;
    return readBinary(join(folder, "nli.csv"), flags);
  };
  const retrieval = (more: Partial<RetrievalFlags>) => {
    const [queries, corpus, qrels] = ["queries.jsonl", "corpus.jsonl", "qrels.tsv"].map((name) => join(folder, name));
    const names = { id: "_id", text: "text", title: "title", judgements: "query-id,corpus-id,score" };
    return readRetrieval({ queries, corpus, qrels, ...names, ...more } as RetrievalFlags);
  };

  test("sts", async () => {
    const missing = /refused.tsv, column "score": there is no such column; the header names sentence1, sentence2/;
    await expect(sts("sentence1\tsentence2\na\tb\n")).rejects.toThrow(missing);
    const empty = /line 2 of .*refused.tsv, column "sentence2": there is nothing in it/;
    await expect(sts("sentence1\tsentence2\tscore\na\t\t1\n")).rejects.toThrow(empty);
    for (const fields of ["a", "a,", "a,b,c"])
      await expect(sts("", { fields })).rejects.toThrow(/--fields takes two names/);
  });

  test("binary", async () => {
    const unknown = /line 2 of .*nli.csv, column "gold": "entailment" is neither 1 nor 0: --positive says/;
    await expect(binary()).rejects.toThrow(unknown);
    const none = /column "gold": no row has the label paraphrase; there are entailment, contradiction, neutral/;
    await expect(binary({ positive: "paraphrase" })).rejects.toThrow(none);
    await expect(binary({ positive: "entailment", ignore: "paraphrase" })).rejects.toThrow(none);
    await expect(binary({ positive: "neutral", ignore: "neutral" })).rejects.toThrow(/both name neutral/);
  });

  test("retrieval", async () => {
    const twice = file("twice.csv", "_id,text\na,x\na,y\n");
    await expect(retrieval({ queries: twice })).rejects.toThrow(
      /line 3 of .*twice.csv, column "_id": "a" stands in a line before/,
    );
    const bare = file("bare.csv", "_id,title\nd1,\n");
    await expect(retrieval({ queries: bare })).rejects.toThrow(
      /line 2 of .*bare.csv, column "text": there is no text in it/,
    );
    const graded = file("graded.tsv", "query-id\tcorpus-id\tscore\nq1\td1\tgood\n");
    await expect(retrieval({ qrels: graded })).rejects.toThrow(
      /line 2 of .*graded.tsv, column "score": "good" is not a number/,
    );
    await expect(retrieval({ queries: "-", corpus: "-" })).rejects.toThrow(
      /only one of --queries, --corpus and --qrels may be -/,
    );
    await expect(retrieval({ judgements: "a" })).rejects.toThrow(
      /--judgements takes the names of two columns, or three/,
    );
    const { corpus, relevant } = await retrieval({});
    expect(corpus.get("d2")).toBe("역 기차가 옵니다");
    expect(relevant.get("q1")).toEqual(new Map([["d1", 1]]));
  });
});

test("labels and numbers as they are meant", async () => {
  const [a, b] = ["함의", "모순"];
  const content = `premise,hypothesis,gold\na,b,${a}\nc,d,${a.normalize("NFD")}\ne,f,${b.normalize("NFD")}\n`;
  const flags = { fields: "premise,hypothesis", label: "gold", positive: a, ignore: b } as BinaryFlags;
  const { pairs: kept, ignored } = await readBinary(file("forms.csv", content), flags);
  expect([kept.map(({ same }) => same), ignored]).toEqual([[true, true], 1]);
  const scores = async (...values: string[]): Promise<number[]> => {
    const lines = values.map((value) => `a\tb\t${value}\n`).join("");
    const table = file("numbers.tsv", `sentence1\tsentence2\tscore\n${lines}`);
    return (await readSts(table, { fields: "sentence1,sentence2", score: "score" } as StsFlags)).map(
      ({ score }) => score,
    );
  };
  expect(await scores("1", "-2.5", "+.5", "3.", "1e-3", " 4 ")).toEqual([1, -2.5, 0.5, 3, 0.001, 4]);
  for (const value of ["0x10", "0b1", "Infinity", "1_000", "1e999"]) {
    await expect(scores("1", value)).rejects.toThrow(/line 3 of .*, column "score": ".*" is not a number/);
  }
});

test("an output that is another, or an input", async () => {
  const before = readFileSync(join(folder, "sts.tsv"), "utf8");
  const one = ["evaluate", "sts", "sts.tsv"];
  await refused(2, /--svg and --output are one file, \.\/both\.x: name another for --output/, [
    ...[...one, "--svg", "both.x", "-o", "./both.x"],
  ]);
  await refused(2, /the table and --output are one file/, [...one, "-o", join(folder, "sts.tsv")]);
  const tables = ["evaluate", "retrieval", "--queries", "queries.jsonl", "--corpus", "corpus.jsonl"];
  await refused(2, /--corpus and --output are one file/, [...tables, "--qrels", "qrels.tsv", "-o", "corpus.jsonl"]);
  expect(existsSync(join(folder, "both.x"))).toBe(false);
  expect(readFileSync(join(folder, "sts.tsv"), "utf8")).toBe(before);
});

test("a place that cannot be written to is told before a model is asked for", async () => {
  const args = ["evaluate", "sts", "sts.tsv", "--model", "./nowhere", "--svg"];
  await refused(1, /cannot write no\/x.svg: there is no such folder/, [...args, "no/x.svg"]);
});

test("a folder that is not there", async () => {
  await refused(1, /cannot write nowhere\/x.json: there is no such folder/, [
    "evaluate",
    "sts",
    "sts.tsv",
    "-o",
    "nowhere/x.json",
  ]);
});

test.skipIf(!existsSync("/dev/full"))("a full disk", async () => {
  await refused(1, /cannot write \/dev\/full: the disk is full/, ["evaluate", "sts", "sts.tsv", "-o", "/dev/full"]);
});
