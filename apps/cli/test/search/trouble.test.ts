// An index that is in use, on a full disk, without permission; a database that goes away.
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { inWords } from "../../src/search/database.ts";
import { lockFolder } from "../../src/search/lock.ts";
import { withoutPassword } from "../../src/search/server.ts";
import { environment, file, folder, main, munjang, refused } from "../run.ts";
import { contentOfFolder } from "./dump.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 }); // every database is made by a PostgreSQL of its own, two seconds where nothing else runs

const rows = (count: number): string =>
  Array.from({ length: count }, (_, i) => `{"text":"${i}번째 줄입니다"}\n`).join("");

test("a folder is for one process at a time", async () => {
  const place = join(folder, "locked");
  mkdirSync(place);
  file("few.jsonl", rows(3));
  const unlock = await lockFolder(place, "index");
  const told = new RegExp(
    `locked is in use by munjang index \\(process ${process.pid}\\), and a folder is for one at a time`,
  );
  await refused(1, told, ["index", "few.jsonl", "-d", "locked"]);
  expect(readdirSync(place)).toEqual(["lock"]); // and nothing was made
  unlock();
  expect(readdirSync(place)).toEqual([]);
  expect((await munjang(["index", "few.jsonl", "-d", "locked"])).code).toBe(0);
  expect(readdirSync(place).sort()).toEqual([".gitignore", "database"]);

  // A search waits for another search, and not for an index.
  const other = await lockFolder(place, "search");
  const waiting = munjang(["search", "줄", "-d", "locked", "--json"]);
  const deadline = Date.now() + 60_000;
  while (!readdirSync(place).some((name) => /^lock\.\d+$/.test(name))) {
    expect(Date.now()).toBeLessThan(deadline);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  other();
  expect((await waiting).code).toBe(0);
});

test("the lock of a process that is no more is taken over, by one of many", async () => {
  const place = join(folder, "stale");
  mkdirSync(place);
  const lock = join(place, "lock");
  const gone = spawn(process.execPath, ["-e", ""]);
  const pid = gone.pid as number;
  await new Promise((resolve) => gone.on("close", resolve));
  for (const text of [JSON.stringify({ pid, host: hostname(), doing: "index" }), "{", ""]) {
    writeFileSync(lock, text);
    (await lockFolder(place, "index"))();
    expect(readdirSync(place)).toEqual([]);
  }
  if (existsSync("/proc/self/stat")) {
    // The number was given out again, to somebody else.
    writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostname(), began: "1", doing: "index" }));
    (await lockFolder(place, "index"))();
  }
  const elsewhere = JSON.stringify({ pid, host: "another-machine", doing: "search" });
  writeFileSync(lock, elsewhere.replace("search", "index"));
  await expect(lockFolder(place, "index")).rejects.toThrow(
    /in use by munjang index \(process \d+ of another-machine\).*if that is no more, remove .*lock/,
  );
  // What is not ours is not taken away with ours.
  rmSync(lock);
  const unlock = await lockFolder(place, "index");
  rmSync(lock);
  writeFileSync(lock, elsewhere);
  unlock();
  expect(readFileSync(lock, "utf8")).toBe(elsewhere);
});

test("no permission to write", async () => {
  const place = join(folder, "unwritable");
  mkdirSync(place);
  file("few.jsonl", rows(3));
  const asRoot = process.getuid?.() === 0;
  if (asRoot) chmodSync(folder, 0o755); // nobody has to come in
  chmodSync(place, 0o555);
  const child = spawn(process.execPath, [main, "index", "few.jsonl", "-d", "unwritable/index"], {
    ...{ cwd: folder, env: environment() },
    ...(asRoot ? { uid: 65534, gid: 65534 } : {}), // to root nothing is forbidden
  });
  let err = "";
  child.stderr.on("data", (chunk) => (err += chunk));
  const code = await new Promise((resolve) => child.on("close", resolve));
  chmodSync(place, 0o755);
  expect({ code, err }).toEqual({ code: 1, err: "munjang: cannot write unwritable/index: permission denied\n" });
});

/** A small file system of its own; undefined where none can be had. */
function smallDisk(path: string, megabytes: number): string | undefined {
  mkdirSync(path);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", path], { stdio: "ignore" });
    return path;
  } catch {
    return undefined;
  }
}

test("a full disk: told in one line, and what was written is kept", async (context) => {
  const disk = smallDisk(join(folder, "disk"), 30);
  if (disk === undefined) return context.skip("a small file system can be mounted by root only");
  try {
    mkdirSync(join(folder, "many"));
    for (let i = 0; i < 40; i++)
      file(`many/${String(i).padStart(2, "0")}.jsonl`, rows(400).replaceAll("번째", `번째의 ${i}`));
    const index = ["index", "many", "-d", "disk/index", "--threads", "0"];
    await refused(1, /disk\/index: the disk is full: free some space/, index);
    execFileSync("mount", ["-o", "remount,size=300m", disk]);
    const { code, out } = await munjang([...index, "--json"]);
    expect(code).toBe(0);
    const { added, unchanged, chunks, embedded } = JSON.parse(out);
    expect(unchanged).toBeGreaterThan(0);
    expect({ files: added + unchanged, chunks, embedded }).toEqual({
      files: 40,
      chunks: 16_000,
      embedded: 400 * added,
    });
    const { chunks: rowsThere } = await contentOfFolder(join(folder, "disk/index"));
    expect(rowsThere).toHaveLength(16_000);
  } finally {
    execFileSync("umount", [disk]);
  }
}, 300_000);

test("a disk too small for an empty database: nothing stays behind", async (context) => {
  const disk = smallDisk(join(folder, "tiny-disk"), 6);
  if (disk === undefined) return context.skip("a small file system can be mounted by root only");
  try {
    file("few.jsonl", rows(3));
    await refused(1, /the disk is full/, ["index", "few.jsonl", "-d", "tiny-disk/index"]);
    expect(readdirSync(join(disk, "index"))).toEqual([".gitignore"]);
  } finally {
    execFileSync("umount", [disk]);
  }
});

test("a server that is not there, or hangs up", async () => {
  file("few.jsonl", rows(3));
  await refused(1, /^munjang: postgres:\/\/me@127\.0\.0\.1:1\/x: nobody listens there: is PostgreSQL running\?/, [
    ...["index", "few.jsonl", "-d", "postgres://me:secret@127.0.0.1:1/x"],
  ]);
  const server = createServer((socket) => socket.once("data", () => socket.destroy())).listen(0, "127.0.0.1");
  try {
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await refused(1, /: the database went away; what was written before is kept: run it again/, [
      ...["search", "줄", "-d", `postgres://me:secret@127.0.0.1:${port}/x`],
    ]);
  } finally {
    server.close();
  }
});

test("messages name the database, and never its password", () => {
  expect(withoutPassword("postgres://me:a:b@c@host:1/x?password=q&sslmode=require")).not.toMatch(/a:b|password=q/);
  expect(withoutPassword("postgresql://host/x")).toBe("postgresql://host/x");
  expect(withoutPassword("postgres://me:p@ssw0rd@host:1/x")).toBe("postgres://me@host:1/x");
  expect(withoutPassword("postgres://me:pa/ss@host/x?sslpassword=key")).toBe("postgres://me@host/x?sslpassword=…");
  const at = (code: string): string => inWords("there", Object.assign(new Error("said"), { code })).message;
  expect(at("28P01")).toBe("there: the password was not accepted (said)");
  expect(at("ECONNRESET")).toMatch(/^there: the database went away/);
  expect(at("42P01")).toBe("there: said");
});
