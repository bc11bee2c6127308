import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { SentenceTransformer } from "../src/node.ts";
import { CALIBRATION } from "../src/quantised/text.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const train = `${root}reference/train`;
const python = process.env.MUNJANG_PYTHON;
const wanted = "import torch, sentence_transformers, tokenizers, transformers, sklearn, scipy, safetensors";
const ready = python !== undefined && spawnSync(python, ["-c", wanted]).status === 0;
const why =
  python === undefined ? "MUNJANG_PYTHON is not set" : `${python} lacks a package of reference/requirements.txt`;
const MINUTES = 60_000;

test("negation.tsv: 200 triples or more, no text twice, and none without three texts", () => {
  const [head, ...rows] = readFileSync(`${train}/negation.tsv`, "utf8").trimEnd().split("\n");
  expect(head).toBe("sentence\tnegation\tparaphrase");
  expect(rows.length).toBeGreaterThanOrEqual(200);
  const texts = rows.flatMap((row) => row.split("\t"));
  expect(texts).toHaveLength(3 * rows.length);
  const keys = texts.map((text) => text.replace(/[\p{P}\p{Z}\p{S}]/gu, ""));
  expect(keys.filter((key, i) => key === "" || keys.indexOf(key) !== i)).toEqual([]);
});

test("a module of the training has fewer than 300 lines", () => {
  const files = readdirSync(train, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".py"));
  expect(files.length).toBeGreaterThan(25);
  for (const path of files) expect(readFileSync(join(train, path), "utf8").split("\n").length, path).toBeLessThan(300);
});

describe.skipIf(!ready)(`the training, in Python${ready ? "" : ` (skipped: ${why})`}`, () => {
  const env = { ...process.env, OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1" };
  const run = (...args: string[]) =>
    execFileSync(python ?? "", args, { cwd: root, env, encoding: "utf8", stdio: "pipe", maxBuffer: 2 ** 28 });

  test("its own tests pass", { timeout: 20 * MINUTES }, () => {
    const args = ["-m", "unittest", "discover", "-s", "reference/train/tests", "-t", "."];
    const { status, stderr } = spawnSync(python ?? "", args, { cwd: root, env, encoding: "utf8", maxBuffer: 2 ** 28 });
    expect(status, stderr).toBe(0);
    expect(Number(/Ran (\d+) tests/.exec(stderr)?.[1])).toBeGreaterThan(50);
  });

  test("it calibrates with the engine's text", () => {
    const code =
      "import json; from reference.train.quant import calibration_texts; print(json.dumps(calibration_texts()))";
    expect(JSON.parse(run("-c", code))).toEqual(CALIBRATION);
  });

  test("its whole numbers are the engine's: int8 vectors of a tiny run agree", { timeout: 10 * MINUTES }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "munjang-train-"));
    try {
      const texts = ["오늘은 학교에 갑니다.", "민수는 공원에서 빵을 먹었다", "사과를 샀어요! 그리고 편지도 썼어요"];
      const code = `
import json, sys
from pathlib import Path
from reference.train.__main__ import main
from reference.train.evaluate.figures import shipped, vectors
from reference.train.profiles import TINY
from reference.train.run import Run
from reference.train.tests.sample_data import write
folder = Path(sys.argv[1])
texts = json.loads(sys.argv[2])
write(folder / "data")
sys.argv = ["train", "--data", str(folder / "data"), "--out", str(folder / "out"), "--profile", "tiny"]
main()
run = Run(TINY, 1, folder / "data", folder / "out")
print(json.dumps(vectors(run, shipped(run, "finish", TINY.shape))(texts).tolist()))`;
      const expected: number[][] = JSON.parse(
        run("-c", code, folder, JSON.stringify(texts)).trimEnd().split("\n").at(-1) ?? "",
      );
      const model = await SentenceTransformer.load(join(folder, "out", "model"), { dtype: "int8", threads: 0 });
      const got = await model.encode(texts, { normalizeEmbeddings: true });
      const plain = await SentenceTransformer.load(join(folder, "out", "model"), { threads: 0 });
      const float = await plain.encode(texts, { normalizeEmbeddings: true });
      const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
        Math.hypot(...Array.from(a, (value, i) => value - b[i]));
      for (const [i, row] of expected.entries()) {
        // A sum in another order moves a number over a rounding now and then; the int8 rounding itself is many times as large.
        expect(distance(got[i], row)).toBeLessThan(distance(float[i], row) / 5);
      }
      await model.dispose();
      await plain.dispose();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
