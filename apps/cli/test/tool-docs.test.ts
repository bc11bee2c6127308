// The examples of docs/classify.md and docs/cluster.md, and of the help of both commands, run as they stand.
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { examplesOf } from "./examples.ts";
import { file, folder, main, munjang, run } from "./run.ts";
import { EXAMPLES, TESTS } from "./topics.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const table = (rows: typeof EXAMPLES, between: string, head: string): string =>
  `${head}\n${rows.map((row) => `${row.join(between)}\n`).join("")}`;

beforeAll(() => {
  file("examples.csv", table(EXAMPLES, ",", "text,label"));
  file("examples.tsv", table(EXAMPLES, "\t", "title\ttopic"));
  file("tests.csv", table(TESTS, ",", "text,label"));
  file("notes.csv", table(EXAMPLES, ",", "body,kind"));
  file("news.txt", TESTS.map(([text]) => text).join("\n"));
  file("sentences.txt", "잠이 옵니다\n졸음이 옵니다\n기차가 옵니다\n");
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin/munjang"), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  chmodSync(join(folder, "bin/munjang"), 0o755);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "dir"); // where the scripts find the packages
});

async function works(line: string): Promise<void> {
  const PATH = `${join(folder, "bin")}${delimiter}${process.env.PATH}`;
  expect(await run("sh", ["-c", line], "", { PATH, HF_HUB_OFFLINE: "1" }), line).toMatchObject({ code: 0 });
}

const blocks = (page: string, kind: string): string[] =>
  Array.from(page.matchAll(new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\``, "gms")), ([, block]) => block);

describe.skipIf(process.platform === "win32")("examples", () => {
  test.each(["classify", "cluster"])("docs/%s.md", async (tool) => {
    const page = readFileSync(join(root, `docs/${tool}.md`), "utf8");
    const lines = blocks(page, "sh").flatMap((block) => block.trimEnd().split("\n"));
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) await works(line);
    const scripts = blocks(page, "ts");
    expect(scripts).toHaveLength(1);
    // Plain JavaScript too, and ends by printing what it found.
    const last = tool === "classify" ? "{ predictions, accuracy, macroF1, json }" : "{ clusters, silhouette, page }";
    const script = file(`${tool}.mjs`, `${scripts[0]}\nconsole.log(JSON.stringify(${last}));\n`);
    const { code, out, err } = await run(process.execPath, [script]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const printed = JSON.parse(out);
    if (tool === "classify") {
      expect(printed.predictions).toHaveLength(2);
      expect(JSON.parse(printed.json).format).toBe("munjang-classifier");
    } else {
      expect(printed.clusters).toHaveLength(2);
      expect(printed.page).toMatch(/^<!doctype html>/);
    }
  });

  test("the help of classify and cluster", async () => {
    for (const command of ["classify", "classify train", "classify evaluate", "classify predict", "cluster"]) {
      const { out } = await munjang([...command.split(" "), "--help"]);
      const lines = examplesOf(out);
      expect(lines.length, command).toBeGreaterThan(1);
      for (const line of lines) await works(line);
    }
    expect(existsSync(join(folder, "confusion.svg"))).toBe(true);
  });
});
