import { execFile, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { writeSafetensors } from "munjang/safetensors";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../packaging/packed.ts";
import { seededShapes, seededTensor } from "../seeded/seeded.ts";
import { EXAMPLES } from "./example.ts";

/*
 * examples/spark on two executors with a JVM each. In the middle of every run something is killed with SIGKILL: a process that computes, or an
 * executor. What comes out must be what one process of `munjang embed` writes.
 */

const python = process.env.MUNJANG_SPARK_PYTHON ?? join(root, "test/examples/.venv/bin/python");
const main = join(root, "apps/cli/bin/munjang.js");
const skipped = !existsSync("/proc/self/stat")
  ? "skipped: processes are found in /proc, which is not here"
  : spawnSync("java", ["-version"]).error !== undefined
    ? "skipped: there is no Java"
    : spawnSync(python, ["-c", "import pyspark, pandas, pyarrow"]).status !== 0
      ? "skipped: there is no Python with PySpark; npm run test:examples installs it"
      : undefined;

/** Passes on what munjang writes, and leaves a file named for its process when it has written something first. */
const SHIM = `
  import { spawn } from "node:child_process";
  import { writeFileSync } from "node:fs";
  const [, , folder, ...args] = process.argv;
  const child = spawn(process.execPath, args, { stdio: ["inherit", "pipe", "inherit"] });
  child.stdout.once("data", () => writeFileSync(folder + "/" + child.pid, ""));
  child.stdout.pipe(process.stdout);
  child.on("close", (code) => (process.exitCode = code ?? 1));
`;

const ROWS = 2400;
const rows: readonly (string | null)[] = Array.from({ length: ROWS }, (_, i) =>
  i % 799 === 400 ? null : `${i}번 문장입니다${" 기차가 옵니다".repeat(i % 6)}`,
);
const bad = rows.filter((text) => text === null).length;

const parentOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
};
/** The JVM of the executor a process was started by. */
function executorOf(pid: number): number {
  for (let at = pid; at > 1; at = parentOf(at)) {
    if (readFileSync(`/proc/${at}/cmdline`, "utf8").includes("CoarseGrainedExecutorBackend")) return at;
  }
  throw new Error("no executor is its parent");
}

describe.skipIf(skipped !== undefined)(`examples/spark${skipped ? ` (${skipped})` : ""}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "munjang-spark-"));
    for (const name of readdirSync(join(EXAMPLES, "spark"))) {
      if (/\.py$/.test(name)) cpSync(join(EXAMPLES, "spark", name), join(folder, name));
    }
    writeFileSync(join(folder, "shim.mjs"), SHIM);
    const records = rows.map((text, id) => `${JSON.stringify({ id, text })}\n`);
    records[1500] = "{no JSON}\n";
    writeFileSync(join(folder, "records.jsonl"), records.join(""));
    writeFileSync(join(folder, "texts.json"), JSON.stringify(rows));
    inPython(
      "import json, pyarrow as a, pyarrow.parquet as p; t = json.load(open('texts.json')); p.write_table(a.table({'id': range(len(t)), 'text': t}), 'texts.parquet')",
    );
    // The bundled model's shape and vocabulary with weights of float32: its own are whole numbers.
    const model = join(root, "weights/model");
    cpSync(model, join(folder, "float32"), { recursive: true });
    const config = { ...JSON.parse(readFileSync(join(model, "config.json"), "utf8")), model_type: "bert" };
    writeFileSync(join(folder, "float32/config.json"), JSON.stringify(config));
    const tensors = [...seededShapes(config)].map(([name, shape]) => [name, seededTensor(name, shape)] as const);
    writeFileSync(join(folder, "float32/model.safetensors"), writeSafetensors(tensors));
  });
  const inPython = (code: string): void => {
    const { status, stderr } = spawnSync(python, ["-c", code], { cwd: folder, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  };
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const models = {
    float32: (): string[] => ["--model", join(folder, "float32")],
    int8: (): string[] => ["--model", join(root, "weights/model")],
  };

  /** Runs a script, and kills what `victim` says once a first process has answered; the processes there were. */
  async function submit(script: string, args: string[], victim: (pid: number) => number): Promise<number[]> {
    const seen = mkdtempSync(join(folder, "processes-"));
    let killed: number | undefined;
    const watcher = watch(seen, (_, name) => {
      if (killed !== undefined || name === null) return;
      killed = victim(Number(name));
      process.kill(killed, "SIGKILL");
    });
    const env = {
      ...process.env,
      ...{ MUNJANG: `${process.execPath} ${folder}/shim.mjs ${seen} ${main}`, PARTITIONS: "4" },
      ...{ PYSPARK_PYTHON: python, PYSPARK_DRIVER_PYTHON: python, SPARK_LOCAL_IP: "127.0.0.1" },
      ...{ SPARK_WORKER_DIR: join(folder, "work"), PATH: `${dirname(python)}:${process.env.PATH}` },
    };
    const submit = [join(dirname(python), "spark-submit"), "--master", "local-cluster[2,1,1024]"];
    const conf = ["spark.ui.enabled=false", "spark.driver.host=127.0.0.1", `spark.local.dir=${folder}/local`];
    const flags = conf.flatMap((setting) => ["--conf", setting]);
    try {
      const [command, ...rest] = [...submit, ...flags, script, ...args];
      await promisify(execFile)(command, rest, { cwd: folder, env, maxBuffer: 1 << 28 });
    } finally {
      watcher.close();
    }
    expect(killed).toBeGreaterThan(1);
    return readdirSync(seen).map(Number);
  }

  const single = async (...args: string[]): Promise<void> => {
    await promisify(execFile)("sh", ["-c", `"${process.execPath}" "${main}" embed ${args.join(" ")}`], { cwd: folder });
  };

  it.each([
    ["float32", "an executor", executorOf],
    ["int8", "a process", (pid: number) => pid],
  ] as const)(
    "pipe, %s, %s killed: the bytes of one process",
    async (type, _, victim) => {
      const target = `lines-${type}`;
      const processes = await submit("embed_pipe.py", ["records.jsonl", target, ...models[type]()], victim);
      expect(processes.length).toBeGreaterThan(4); // one a part, and one at least for the part that was done again
      await single("--stream --from jsonl", ...models[type](), `< records.jsonl > ${target}.jsonl`);
      const expected = readFileSync(join(folder, `${target}.jsonl`));
      const parts = readdirSync(join(folder, target))
        .filter((name) => name.startsWith("part-"))
        .sort();
      expect(parts.length).toBe(4);
      expect(Buffer.concat(parts.map((name) => readFileSync(join(folder, target, name)))).equals(expected)).toBe(true);
      const lines = expected.toString("utf8").trimEnd().split("\n");
      expect(lines.length).toBe(ROWS);
      expect(lines.filter((line) => line.includes('"error"')).length).toBe(bad + 1);
      expect(JSON.parse(lines[400])).toEqual({
        id: 400,
        text: null,
        error: 'the line has no text in "text": it is null',
      });
    },
    600_000,
  );

  it.each([
    ["float32", "a process", (pid: number) => pid],
    ["int8", "an executor", executorOf],
  ] as const)(
    "mapInPandas, %s, %s killed: the bits of one process",
    async (type, _, victim) => {
      const target = `table-${type}`;
      const processes = await submit("embed_pandas.py", ["texts.parquet", target, ...models[type]()], victim);
      expect(processes.length).toBeGreaterThan(4);
      await single("-f texts.parquet --bad-rows skip", ...models[type](), `-o ${target}.npy`);
      const expected = readFileSync(join(folder, `${target}.npy`)).subarray(128);
      // Spark shares rows of a table out without an order: theirs is that of their ids.
      inPython(
        `import json, numpy as n, pyarrow.parquet as p; t = p.read_table('${target}').sort_by('id').to_pydict(); n.save('found.npy', n.array([e for e in t['embedding'] if e is not None], '<f4')); json.dump([t['id'], t['text'], t['error']], open('found.json', 'w'))`,
      );
      expect(readFileSync(join(folder, "found.npy")).subarray(128).equals(expected)).toBe(true);
      const [ids, texts, errors] = JSON.parse(readFileSync(join(folder, "found.json"), "utf8"));
      expect(ids).toEqual([...rows.keys()]);
      expect(texts).toEqual(rows);
      const message = 'the line has no text in "text": it is null';
      expect(errors).toEqual(rows.map((text) => (text === null ? message : null)));
    },
    600_000,
  );

  // What a thread of the script must not swallow: nobody would answer, and the task would wait for ever.
  it("mapInPandas fails where the texts are none", () => {
    const command = [process.execPath, main, "embed", "--stream", "--from", "jsonl", "--base64", ...models.int8()];
    const code = `import pandas; from embed_pandas import vectors_of; list(vectors_of(${JSON.stringify(command)})(iter([pandas.DataFrame({"text": [b"a", b"b"]})])))`;
    const { status, stderr } = spawnSync(python, ["-c", code], { cwd: folder, encoding: "utf8", timeout: 300_000 });
    expect(stderr).toMatch(/\nTypeError: Object of type bytes is not JSON serializable\n$/);
    expect(status).toBe(1);
  });

  it("leaves no process behind", () => {
    const left = readdirSync(folder)
      .filter((name) => name.startsWith("processes-"))
      .flatMap((name) => readdirSync(join(folder, name)))
      .filter((pid) => existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(main));
    expect(left).toEqual([]);
  });
});
