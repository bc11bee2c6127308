// Every example of every --help, and of the README, runs.
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { examplesOf } from "./examples.ts";
import { file, folder, main, munjang, run } from "./run.ts";

const tiny = fileURLToPath(new URL("../../../test/golden/models/plain", import.meta.url));
const pageOf = (name: string): string => readFileSync(new URL(`../../../docs/${name}.md`, import.meta.url), "utf8");
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const COMMIT = "0123456789".repeat(4);

/** What the examples name: files, a model in a folder, and two models in the cache. */
beforeAll(() => {
  file("sentences.txt", "잠이 옵니다\n졸음이 옵니다\n기차가 옵니다\n");
  file("table.csv", 'id,text\n1,"잠이 옵니다"\n2,"쉼표, 또 쉼표"\n');
  file("long.txt", `${"긴 글입니다. ".repeat(200)}\n`);
  file("pairs.tsv", "잠이 옵니다\t졸음이 옵니다\n잠이 옵니다\t기차가 옵니다\n");
  file("records.jsonl", '{"id": 1, "title": "첫째", "text": "하나"}\n{"id": 2, "title": "둘째", "text": "둘"}\n');
  cpSync(tiny, join(folder, "path/to/model"), { recursive: true });
  for (const cache of ["hf/hub", "models"]) {
    for (const name of ["snunlp--KR-SBERT-V40K-klueNLI-augSTS", "owner--name"]) {
      const model = join(folder, cache, `models--${name}`);
      cpSync(tiny, join(model, "snapshots", COMMIT), { recursive: true });
      mkdirSync(join(model, "refs"));
      writeFileSync(join(model, "refs/main"), COMMIT);
    }
  }
  mkdirSync(join(folder, "notes"));
  file("notes/travel.md", "# 여행 준비물\n\n우산과 지도를 넣는다.\n");
  file("notes/server.log", "서버를 다시 켰다\n");
  file("faq.csv", "topic,question,answer\n결제,환불이 되나요,이레 안에 됩니다\n");
  mkdirSync(join(folder, "bin"));
  const shim = join(folder, "bin/munjang");
  writeFileSync(shim, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  chmodSync(shim, 0o755);
});

const commands = [
  "",
  "embed",
  "merge",
  "similarity",
  "tokenize",
  "explain",
  "info",
  "download",
  "convert",
  "demo",
  "index",
  "search",
];

describe.skipIf(process.platform === "win32")("examples", () => {
  const works = async (line: string): Promise<void> => {
    const PATH = `${join(folder, "bin")}${delimiter}${process.env.PATH}`;
    const result = await run("sh", ["-c", line], "", { PATH, HF_HUB_OFFLINE: "1" });
    expect(result, line).toMatchObject({ code: 0 });
  };

  test.each(commands)(
    "munjang %s --help",
    async (command) => {
      const { out } = await munjang([...command.split(" ").filter(Boolean), "--help"]);
      const lines = examplesOf(out);
      expect(lines.length).toBeGreaterThan(0);
      for (const line of lines) await works(line);
    },
    300_000,
  );

  const linesIn = (page: string): string[] =>
    [...page.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) => {
      return block
        .replace(/\\\n\s*/g, "")
        .split("\n")
        .filter((line) => line.trim() !== "" && !line.startsWith("#"));
    });

  test("docs/bulk.md", async () => {
    const lines = linesIn(pageOf("bulk"));
    expect(lines.length).toBeGreaterThan(6);
    for (const line of lines) await works(line);
  }, 300_000);

  test("docs/search.md", async () => {
    const lines = linesIn(pageOf("search")).filter((line) => !line.startsWith("npm "));
    expect(lines.length).toBeGreaterThan(7);
    for (const line of lines) await works(line);
  }, 300_000);

  test("the README", async () => {
    const lines = linesIn(readme);
    expect(lines.length).toBeGreaterThan(10);
    for (const line of lines) await works(line);
    for (const command of commands) expect(readme).toContain(`munjang ${command}`);
  });
});
