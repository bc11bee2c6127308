// What stands beside an output while it is written, and what is left of it.
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nameBeside, openOutput } from "../src/output.ts";
import { file, folder, main, munjang, refused } from "./run.ts";

test.skipIf(process.platform === "win32")("embed: a file that only its owner may read stays one", async () => {
  const target = file("private.jsonl", "old");
  chmodSync(target, 0o600);
  expect((await munjang(["embed", "-o", target, "--truncate-dim", "2", "하나"])).code).toBe(0);
  expect(statSync(target).mode & 0o777).toBe(0o600);
  expect(
    readFileSync(target, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).text),
  ).toEqual(["하나"]);
});

test("what a killed process of the same number left does not stand in the way", async () => {
  const target = join(folder, "again.txt");
  const left = file(`again.txt.${process.pid}.part`, "half");
  const leftModel = join(folder, `.small.${process.pid}.part`);
  mkdirSync(leftModel);
  const output = await openOutput(target);
  await output.write("whole");
  await output.finish();
  expect(readFileSync(target, "utf8")).toBe("whole");
  expect(readFileSync(left, "utf8")).toBe("half"); // it may be another machine's
  expect(nameBeside(join(folder, "small"), true)).toBe(join(folder, `.small.${process.pid}.1.part`));
  rmSync(left);
  rmSync(leftModel, { recursive: true });
});

test("messages pass on no control sequences of files", async () => {
  const bell = "\u001b]0;owned\u0007";
  file("odd.csv", `a${bell},b\n1,2\n`);
  await refused(1, "a\\u001b]0;owned\\u0007", ["cluster", "--file", "odd.csv", "--text", "c"]);
});

test.skipIf(process.platform === "win32").each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("embed: %s leaves nothing behind", async (signal, expected) => {
  const target = join(folder, "interrupted.jsonl");
  const found = () => readdirSync(folder).filter((name) => name.startsWith("interrupted"));
  const child = spawn(process.execPath, [main, "embed", "-o", target], { cwd: folder });
  const closed = new Promise((resolve) => child.on("close", resolve));
  child.stdin.write("첫 줄\n"); // and more to come, which never does
  while (found().length === 0 && child.exitCode === null) await new Promise((go) => setImmediate(go)); // at once
  child.kill(signal);
  expect(await closed).toBe(expected);
  expect(found()).toEqual([]);
});
