import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CORPUS } from "../hostile/corpus.ts";
import { mutated } from "../hostile/mutate.ts";

/*
 * Hostile files in processes of their own: every one made by hand alone, with a heap that a bomb would burst; 20,000 mutated ones a
 * hundred at a time. At most 2 seconds each, and 64 MB beside twice the file above a process that opens nothing.
 */

const SECONDS = 2;
const BESIDE = 64 * 2 ** 20;
const MUTATED = 20_000;
const AT_ONCE = 100;
/** Megabytes of heap: as much as the largest file by hand may take. */
const HEAP = 192;

interface Report {
  took: number;
  peak: number;
  tensors?: number;
  modelError: boolean;
  message?: string;
  file?: string;
  field?: string;
}

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "munjang-hostile-"));
const program = join(folder, "child.mjs");
let empty = 0;

async function inChild(args: readonly string[]): Promise<{ reports: Report[]; stderr: string }> {
  const { stdout, stderr } = await run(process.execPath, [`--max-old-space-size=${HEAP}`, program, ...args], {
    maxBuffer: 2 ** 26,
    timeout: 120_000,
  });
  return {
    reports: stdout
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
    stderr,
  };
}

beforeAll(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, "../hostile/child.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: program,
  });
  // The same program, opening one good file of a few bytes.
  const small = join(folder, "empty.safetensors");
  writeFileSync(small, Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d));
  empty = (await inChild(["model.safetensors", small])).reports[0].peak;
});

afterAll(() => rmSync(folder, { recursive: true }));

it("every file made by hand, in a process of its own", async () => {
  const worst = { took: 0, tookBy: "", memory: Number.NEGATIVE_INFINITY, memoryBy: "", above: 0 };
  const faults: string[] = [];
  for (const { name, file, bytes, says } of CORPUS) {
    const made = bytes();
    const path = join(folder, "file");
    writeFileSync(path, new Uint8Array(made instanceof ArrayBuffer ? made : made.slice().buffer));
    const { reports, stderr } = await inChild([file, path]).catch((error) => ({ reports: [], stderr: String(error) }));
    const [report] = reports;
    if (report === undefined || stderr !== "") {
      faults.push(`${name}: died: ${stderr.slice(0, 300)}`);
      continue;
    }
    const above = report.peak - empty;
    const memory = above - 2 * made.byteLength;
    if (report.took > worst.took) Object.assign(worst, { took: report.took, tookBy: name });
    if (memory > worst.memory) Object.assign(worst, { memory, memoryBy: name, above });
    const { modelError, message, file: at, field } = report;
    if (!modelError || !says.test(message ?? "") || !at || !field) faults.push(`${name}: ${message}`);
    if (report.took > SECONDS * 1000) faults.push(`${name}: ${Math.round(report.took)} ms`);
    if (memory > BESIDE)
      faults.push(`${name}: ${mb(above)} MB above an empty process, file of ${mb(made.byteLength)} MB`);
  }
  console.log(
    `${CORPUS.length} files by hand: longest ${Math.round(worst.took)} ms (${worst.tookBy}); most memory beside twice the file ` +
      `${mb(worst.memory)} MB (${worst.memoryBy}, ${mb(worst.above)} MB above an empty process of ${mb(empty)} MB)`,
  );
  expect(faults).toEqual([]);
});

it(`${MUTATED} mutated files`, async () => {
  const faults: string[] = [];
  let longest = 0;
  let opened = 0;
  let most = 0;
  let args: string[] = [];
  let done = 0;
  const flush = async (): Promise<void> => {
    const { reports, stderr } = await inChild(args);
    expect(stderr).toBe("");
    expect(reports.length).toBe(args.length / 2);
    for (const report of reports) {
      longest = Math.max(longest, report.took);
      most = Math.max(most, report.peak - empty);
      if (report.tensors !== undefined) opened++;
      else if (!report.modelError || !report.file) faults.push(`${done}: ${report.message}`);
      done++;
    }
    args = [];
  };
  for (const { file, bytes } of mutated(MUTATED)) {
    const path = join(folder, `mutated-${args.length}`);
    writeFileSync(path, bytes);
    args.push(file, path);
    if (args.length === 2 * AT_ONCE) await flush();
  }
  if (args.length > 0) await flush();
  console.log(
    `${done} mutated files: ${opened} opened, longest ${Math.round(longest)} ms, ${AT_ONCE} in one process took ${mb(most)} MB at most`,
  );
  expect(faults).toEqual([]);
  expect(longest).toBeLessThan(SECONDS * 1000);
  expect(most).toBeLessThan(BESIDE);
});

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
