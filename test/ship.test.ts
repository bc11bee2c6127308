import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { BUNDLED_COSINES, BUNDLED_TEXTS } from "../apps/cli/src/bundled-cosines.ts";
import { sameRecipe, type Training, trainingTable } from "../bench/model-figures.ts";
import { result } from "../bench/result.ts";
import { CLAIMS, stands } from "../bench/ship/claims.ts";
import { facts, SHIPPED } from "../bench/ship/facts.ts";
import { factsOf } from "../bench/ship/find.ts";
import { filesOf, makeInt8, takeIn } from "../bench/ship/folder.ts";
import { keeping, sameGolden, sameResult } from "../bench/ship/keep.ts";
import { STEPS } from "../bench/ship/steps.ts";
import { goldenFolder, readGolden } from "./golden/read.ts";

/* `npm run model`, which makes everything anew that depends on the bundled model: what it wrote is true of the committed one, and its parts do what they say. */

const root = join(import.meta.dirname, "..");
const temporary = mkdtempSync(join(tmpdir(), "munjang-ship-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe("of the committed model", () => {
  it("bench/results/model.json is true", async () => {
    expect(await factsOf()).toEqual(facts());
  });

  it.each(["evaluate.json", "classify.json"])("bench/results/%s was measured with it", (file) => {
    expect(result(file).identity.model).toBe(facts().identity);
  });

  it("the cosines of `munjang info --check` are those of the goldens", () => {
    const { texts, similarity } = readGolden("bundled");
    expect(BUNDLED_TEXTS.length).toBeGreaterThanOrEqual(4);
    expect(BUNDLED_TEXTS).toEqual(texts.slice(0, BUNDLED_TEXTS.length).map(({ text }) => text));
    expect(BUNDLED_COSINES.length).toBe(BUNDLED_TEXTS.length - 1);
    for (const [n, cosine] of BUNDLED_COSINES.entries()) {
      expect(Math.abs(cosine - similarity.cosine.exact[n + 1])).toBeLessThan(1e-9);
    }
  });

  it.each(CLAIMS.map((claim) => [`${claim.page}: ${claim.says}`, claim] as const))("%s", (_, claim) => {
    expect(stands(claim), "the page says so; if not any more, change bench/ship/claims.ts too").toBe(true);
    expect(claim.holds(), "what the page says is true of this model").toBe(true);
  });
});

it("the card's table of the training: mean and deviation over the seeds, a dash for what was not asked", () => {
  const run = (seed: number, spearman: number): Training => ({
    profile: { name: "gpu" },
    seed,
    without: [],
    sha256: `of seed ${seed}`,
    rows: {
      "shipped, int8": {
        "KLUE-STS dev": { spearman },
        paraphrase: 80,
        negation: { right: spearman + 10 },
        "YNAT probe": null,
      },
      static: { "KLUE-STS dev": { spearman: 50 } },
    },
  });
  const lines = trainingTable([run(1, 74), run(2, 76)]).split("\n");
  expect(lines.find((line) => line.startsWith("| this recipe"))).toBe(
    "| this recipe, as shipped | 75.0 ± 1.4 | - | 80.0 ± 0.0 | - | - | - | - | 85.0 ± 1.4 |",
  );
  expect(lines.find((line) => line.startsWith("| word vectors"))).toMatch(/same \| 50\.0 ± 0\.0 \| - /);
  expect(lines.at(-2)).toBe(
    "Mean and standard deviation over 2 runs, seeds 1, 2; a row without deviations is of one of them.",
  );
  const took = trainingTable([run(1, 74), { ...run(2, 76), pretrained: 1 }]);
  expect(took).toContain(
    "seeds 1, 2; a row without deviations is of one of them. 1 of them took the masked language modelling of another: ",
  );
  expect(trainingTable([run(1, 74)])).toContain("| 74.0 | - |");
  expect(trainingTable([])).toBe("\n");

  const [one, two] = [run(1, 74), run(2, 76)];
  const others = [
    { ...run(3, 70), profile: { name: "cpu" } },
    { ...run(4, 70), without: ["mlm"] },
  ];
  expect(sameRecipe([one, ...others, two], "of seed 2")).toEqual([one, two]);
  expect(sameRecipe([one, ...others, two], "of seed 4")).toEqual([]);
});

describe("the steps", () => {
  const written = STEPS.flatMap(({ writes }) => writes);

  it("have names of their own, end with the figures, and write what is there", () => {
    expect(new Set(STEPS.map(({ name }) => name)).size).toBe(STEPS.length);
    expect(STEPS.at(-1)?.name).toBe("figures of the pages");
    for (const path of written) expect(existsSync(join(root, path)), path).toBe(true);
    const listed = execFileSync(process.execPath, ["--import", "tsx", "bench/ship/run.ts", "--list"], { cwd: root });
    for (const { name } of STEPS) expect(`${listed}`).toContain(`${name} `);
  });

  it("write every result that is of the bundled model", () => {
    // Written by `npm run test:runtimes`, which names no model: sentences a second.
    const results = readdirSync(join(root, "bench/results"), { recursive: true, encoding: "utf8" });
    const ofIt = results.filter(
      (file) =>
        file.endsWith(".json") && /mini-ko|bundled/.test(readFileSync(join(root, "bench/results", file), "utf8")),
    );
    expect(ofIt.length).toBeGreaterThan(5);
    for (const file of ofIt) expect(written).toContain(`bench/results/${file.replaceAll("\\", "/")}`);
  });
});

describe("a file that says the same stays as it was", () => {
  it("wherever and whenever a result was made", () => {
    const before = { title: "t", date: "2026-01-01", cpu: "a", node: "20", results: [1, { cpu: 2 }] };
    expect(sameResult(bytes(before), bytes({ ...before, date: "2026-02-02", cpu: "b", node: "24" }))).toBe(true);
    expect(sameResult(bytes(before), bytes({ ...before, results: [1, { cpu: 3 }] }))).toBe(false);
    expect(sameResult(bytes(before), bytes({ ...before, title: "u" }))).toBe(false);
  });

  it("whatever the library's float32 numbers are in a golden", () => {
    const golden = readFileSync(join(root, "test/golden/bundled.golden.gz"));
    const raw = gunzipSync(golden);
    const changed = (at: number): Uint8Array => {
      const other = Uint8Array.from(raw);
      other[at] ^= 1;
      return gzipSync(other);
    };
    // The header, then the exact numbers in eight planes, then the library's in four.
    const header = 4 + new DataView(raw.buffer, raw.byteOffset).getUint32(0, true);
    expect(sameGolden(golden, gzipSync(raw))).toBe(true);
    expect(sameGolden(golden, changed(raw.length - 1))).toBe(true);
    const planes = (8 * (raw.length - header)) / 12;
    expect(sameGolden(golden, changed(header + (7 * planes) / 8))).toBe(false); // an exponent
    expect(sameGolden(golden, readFileSync(join(root, "test/golden/plain.golden.gz")))).toBe(false);
  });

  it("and only then", async () => {
    const file = join(temporary, "result.json");
    const put = (value: object) => () => writeFileSync(file, bytes(value));
    await keeping(file, sameResult, put({ date: "1", n: 1 })); // there was none
    await keeping(file, sameResult, put({ date: "2", n: 1 }));
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ date: "1", n: 1 });
    await keeping(file, sameResult, put({ date: "3", n: 2 }));
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ date: "3", n: 2 });
  });
});

describe("the folder of a model", () => {
  const [from, to] = [join(temporary, "from"), join(temporary, "to")];
  cpSync(goldenFolder("float16"), from, { recursive: true });
  cpSync(goldenFolder("plain"), to, { recursive: true });
  const listed = filesOf(from);

  it("is refused where it is none, its files are others, or its weights not float16: nothing has changed then", async () => {
    const before = filesOf(to);
    await expect(takeIn(join(temporary, "nowhere"), to, listed)).rejects.toThrow(/nowhere holds no model\.safetensors/);
    await expect(takeIn(from, to, [...listed, "a.json"])).rejects.toThrow(/a\.json is missing/);
    await expect(takeIn(from, to, listed.slice(1))).rejects.toThrow(`${listed[0]} is new`);
    const plain = goldenFolder("plain");
    await expect(takeIn(plain, to, filesOf(plain))).rejects.toThrow(/ is float32: export the model as float16/);
    expect(filesOf(to)).toEqual(before);
  });

  it("takes the place of the old one whole, and int8 weights are made of it", async () => {
    await takeIn(from, to, listed);
    expect(filesOf(to)).toEqual(listed);
    for (const file of listed) expect(readFileSync(join(to, file))).toEqual(readFileSync(join(from, file)));
    const int8 = join(temporary, "int8");
    await makeInt8(to, int8);
    await makeInt8(to, int8); // over one that is there
    expect(JSON.parse(readFileSync(join(int8, "config.json"), "utf8")).model_type).toBe("munjang-bert");
    expect(readdirSync(temporary).filter((name) => /\.(part|old)$/.test(name))).toEqual([]);
  });

  it("given once more as itself stays", async () => {
    await takeIn(to, to, []);
    expect(filesOf(to)).toEqual(listed);
    expect(filesOf(join(root, SHIPPED))).toContain("model.safetensors");
  });
});
