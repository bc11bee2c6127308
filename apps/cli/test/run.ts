// The built command as a child process: `npm test` builds it first.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect } from "vitest";

export const main: string = fileURLToPath(new URL("../bin/munjang.js", import.meta.url));
/** A folder of the test file's own, where the command runs. */
export const folder: string = mkdtempSync(join(tmpdir(), "munjang-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeAll(() => {
  if (!existsSync(join(main, "../../dist/main.js")))
    throw new Error("apps/cli is not built: run `npm run build` first");
});

export interface Result {
  code: number | null;
  out: string;
  err: string;
}

/** The environment without what would change the output: caches of the hub, and the width of the terminal the tests run in. */
export function environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(HF_|HUGGING|TRANSFORMERS_|COLUMNS$)/.test(name));
  return { ...Object.fromEntries(kept), HF_HOME: join(folder, "hf"), ...more };
}

export function run(
  command: string,
  args: readonly string[],
  input: string | Uint8Array = "",
  more: Record<string, string> = {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: folder, env: environment(more) });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      resolve({ code, out: Buffer.concat(out).toString("utf8"), err: Buffer.concat(err).toString("utf8") });
    });
    child.stdin.on("error", () => {}); // a command that does not read may be gone already
    child.stdin.end(input);
  });
}

export function munjang(
  args: readonly string[],
  input: string | Uint8Array = "",
  more: Record<string, string> = {},
): Promise<Result> {
  return run(process.execPath, [main, ...args], input, more);
}

/** The command with a standard output that has no room. */
export function toFull(args: readonly string[]): Promise<Result> {
  return run("sh", ["-c", '"$0" "$@" > /dev/full', process.execPath, main, ...args]);
}

/** Writes a file into the test's folder and gives its path. */
export function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Expects an exit code and one line on standard error, nothing on standard output. */
export async function refused(
  code: number,
  message: RegExp | string,
  args: readonly string[],
  input: string | Uint8Array = "",
): Promise<void> {
  const result = await munjang(args, input);
  expect(result.err).toMatch(message);
  expect(result.err).toMatch(/^munjang: [^\n]*\n$/); // one line, no stack
  expect(result).toMatchObject({ code, out: "" });
}
