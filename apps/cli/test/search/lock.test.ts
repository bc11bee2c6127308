// Locks that say nothing, what killed processes left beside them, and file systems that are read-only.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test, vi } from "vitest";
import { openEmbedded } from "../../src/search/embedded.ts";
import { lockFolder } from "../../src/search/lock.ts";
import { environment, file, folder, main, refused } from "../run.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let gone = 0; // the number of a process that is no more
beforeAll(async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => child.on("close", resolve));
  gone = child.pid as number;
});

test("a lock that is no file: told, and not waited for", async () => {
  const place = join(folder, "odd");
  mkdirSync(join(place, "lock"), { recursive: true });
  mkdirSync(join(place, "database"));
  const told = /cannot read .*odd\/lock: it is not a file; if no munjang is at work in that folder, remove it/;
  await refused(1, told, ["search", "x", "--by", "words", "-d", "odd"]);
  rmSync(join(place, "lock"), { recursive: true });
  symlinkSync("nowhere", join(place, "lock"));
  await expect(lockFolder(place, "search")).rejects.toThrow(told);
  expect(readdirSync(place).sort()).toEqual(["database", "lock"]);
});

test("a lock that one may not read", async () => {
  const place = join(folder, "secret");
  mkdirSync(join(place, "database"), { recursive: true });
  writeFileSync(join(place, "lock"), "{}", { mode: 0 });
  chmodSync(folder, 0o755);
  chmodSync(place, 0o777);
  const asRoot = process.getuid?.() === 0; // to root nothing is forbidden
  const child = spawn(process.execPath, [main, "search", "x", "--by", "words", "-d", "secret"], {
    ...{ cwd: folder, env: environment() },
    ...(asRoot ? { uid: 65534, gid: 65534 } : {}),
  });
  let err = "";
  child.stderr.on("data", (chunk) => (err += chunk));
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect(code).toBe(1);
  expect(err).toMatch(/^munjang: cannot read secret\/lock: permission denied; if no munjang is at work .*remove it\n$/);
});

test("what killed processes left is swept up, what others wait with is not", async () => {
  const place = join(folder, "swept");
  mkdirSync(place);
  const put = (name: string, text: string): void => writeFileSync(join(place, name), text);
  const dead = JSON.stringify({ pid: gone, host: hostname(), doing: "search" });
  const elsewhere = JSON.stringify({ pid: gone, host: "another-machine", doing: "search" });
  put(`lock.${gone}`, dead);
  put("lock.999999990", ""); // killed before it had written who it is
  put(`lock.${gone}.stale`, dead);
  put("lock.999999991", elsewhere);
  put(`lock.${process.ppid}`, "{"); // about to write who it is
  put("lock.txt", dead);
  put("lock", "null"); // whatever it says, it names nobody
  const unlock = await lockFolder(place, "index");
  const left = ["lock.999999991", `lock.${process.ppid}`, "lock.txt"].sort();
  expect(readdirSync(place).sort()).toEqual(["lock", ...left]);
  unlock();
  expect(readdirSync(place).sort()).toEqual(left);
});

test("a file system that is read-only", async (context) => {
  const disk = join(folder, "disk");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=60m", "tmpfs", disk], { stdio: "ignore" });
  } catch {
    return context.skip("a small file system can be mounted by root only");
  }
  try {
    file("few.jsonl", '{"text":"글"}\n');
    await (await openEmbedded(join(disk, "there"), "test", true)).close();
    execFileSync("mount", ["-o", "remount,ro", disk]);
    const why = "the file system is read-only, and another place is needed";
    await refused(1, new RegExp(`^munjang: cannot write disk/new/index: ${why}\n$`), [
      ...["index", "few.jsonl", "-d", "disk/new/index"],
    ]);
    await refused(1, new RegExp(`^munjang: cannot write disk/there: ${why}\n$`), [
      "index",
      "few.jsonl",
      "-d",
      "disk/there",
    ]);
    await refused(
      1,
      new RegExp(`cannot write disk/there: ${why}; .*: copy the folder, and name the copy with --database`),
      [...["search", "글", "--by", "words", "-d", "disk/there"]],
    );
  } finally {
    execFileSync("umount", [disk]);
  }
});
