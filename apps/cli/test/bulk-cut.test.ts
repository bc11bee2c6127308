// Runs that end in the middle: killed, stopped by a bad row or a full disk, two at once. What comes out in the end is what an undisturbed run writes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  watch,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { killAgainAndAgain } from "./kill.ts";
import { file, folder, main, munjang, refused, run, toFull } from "./run.ts";

const tiny = fileURLToPath(new URL("../../../test/golden/models/plain", import.meta.url));
const ROWS = 20_000;
let input: string;
beforeAll(() => {
  const rows = Array.from({ length: ROWS }, (_, i) => `${i}번 문장입니다${" 가나다".repeat(i % 7)}`);
  input = file("many.txt", `${rows.join("\n")}\n`);
});

const flags = ["--model", tiny, "--threads", "0", "--checkpoint-every", "256"];
const command = (output: string, ...more: string[]): string[] => {
  return ["embed", "--file", input, ...flags, "--output", output, ...more];
};
const beside = (output: string): string[] => readdirSync(folder).filter((name) => name.startsWith(output));
const bytesOf = (name: string): Buffer => readFileSync(join(folder, name));

/** Runs the command until it has written so much, and ends it. */
async function cut(args: string[], output: string, bytes: number, signal: NodeJS.Signals): Promise<void> {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: "ignore" });
  const closed = new Promise((resolve) => child.on("close", (_, how) => resolve(how)));
  const part = join(folder, `${output}.part`);
  const watcher = watch(folder, () => {
    if ((statSync(part, { throwIfNoEntry: false })?.size ?? 0) >= bytes) child.kill(signal);
  });
  const how = await closed;
  watcher.close();
  expect(how).toBe(signal);
}

const posix = describe.skipIf(process.platform === "win32");

posix("killed", () => {
  test("at 20 moments, the file has the bytes of an undisturbed run", async () => {
    expect(await munjang(command("whole.parquet"))).toMatchObject({ code: 0 });
    const expected = bytesOf("whole.parquet");
    const path = join(folder, "killed.parquet");
    const resumed = [process.execPath, main, ...command(path, "--resume")];
    const { early, later } = await killAgainAndAgain(resumed, path, { kills: 20, bytes: expected.length, seed: 7 });
    expect(early + later).toBe(20);
    expect(later).toBeGreaterThan(10);
    expect(readFileSync(path).equals(expected)).toBe(true);
    expect(beside("killed.parquet")).toEqual(["killed.parquet"]);
  });

  test("what does not fit what lies there is refused; a journal that was cut, and a part that is longer, are not", async () => {
    const args = command("cut.npy", "--resume", "--prompt-name", "query"); // which is an empty one
    await cut(args, "cut.npy", 300_000, "SIGTERM");
    expect(beside("cut.npy").sort()).toEqual(["cut.npy.checkpoint", "cut.npy.lock", "cut.npy.part"]);
    await refused(1, /of a run with another output: run that command again, or delete/, [
      ...args,
      "--truncate-dim",
      "4",
    ]);
    await refused(1, /of a run with another prompt:/, [...args, "--prompt", "query: "]);
    await refused(1, /of a run with another prompt:/, [...args, "--prompt", "query"]);
    renameSync(join(folder, "cut.npy.part"), join(folder, "aside"));
    await refused(1, /cut\.npy\.part is missing or too short: delete cut\.npy\.checkpoint/, args);
    renameSync(join(folder, "aside"), join(folder, "cut.npy.part"));

    appendFileSync(join(folder, "cut.npy.checkpoint"), '{"place":{"at":9');
    appendFileSync(join(folder, "cut.npy.part"), "bytes behind the last checkpoint");
    const done = await munjang(args);
    expect(done).toMatchObject({ code: 0, out: "" });
    expect(done.err).toMatch(
      /^munjang: going on behind \d+ vectors\nmunjang: 20000 vectors of 16 written to cut.npy\n$/,
    );
    expect(await munjang(command("whole.npy"))).toMatchObject({ code: 0 });
    expect(bytesOf("cut.npy").equals(bytesOf("whole.npy"))).toBe(true);
  });

  test("between giving the file its name and tidying up: it is complete", async () => {
    const args = command("named.npy", "--resume");
    await cut(args, "named.npy", 300_000, "SIGKILL");
    appendFileSync(join(folder, "named.npy.checkpoint"), '"complete"\n');
    renameSync(join(folder, "named.npy.part"), join(folder, "named.npy"));
    expect(await munjang(args)).toEqual({ code: 0, out: "", err: "munjang: named.npy is complete already\n" });
    expect(beside("named.npy")).toEqual(["named.npy"]);
  });

  test("between giving a shard its name and writing its record: it has one", async () => {
    const args = command("sharded.npy", "--resume", "--shard", "2/2");
    const name = "sharded-00002-of-00002.npy";
    expect(await munjang(args)).toMatchObject({ code: 0 });
    const record = bytesOf(`${name}.shard`);
    await cut(args, name, 300_000, "SIGKILL");
    // What the process would have left, had it been killed there: the last checkpoint counts all rows.
    const lines = bytesOf(`${name}.checkpoint`).toString("utf8").trimEnd().split("\n");
    const all = { ...JSON.parse(lines.at(-1) ?? ""), rows: JSON.parse(String(record)).vectors };
    appendFileSync(join(folder, `${name}.checkpoint`), `${JSON.stringify(all)}\n"complete"\n`);
    for (const end of ["part", "shard"]) rmSync(join(folder, `${name}.${end}`));
    expect(await munjang(args)).toMatchObject({ code: 0, err: `munjang: ${name} is complete already\n` });
    expect(bytesOf(`${name}.shard`).equals(record)).toBe(true);
    expect(beside(name).sort()).toEqual([name, `${name}.shard`]);
  });

  test("one process at a time; a lock of one that is gone, or of another with its number, is taken over", async () => {
    const fifo = join(folder, "locked.npy.lock");
    const ours = `${hostname()} ${process.pid} `;
    const start =
      process.platform === "linux" ? readFileSync("/proc/self/stat", "utf8").split(") ")[1].split(" ")[19] : "";
    writeFileSync(fifo, ours + start);
    await refused(1, RegExp(`process ${process.pid} of .* is writing locked.npy`), command("locked.npy", "--resume"));
    if (process.platform !== "linux") return;
    writeFileSync(fifo, `${ours}1`);
    // And what one left that was killed while it made its lock goes with it.
    for (const end of ["", ".stale"]) file(`locked.npy.lock.4194305${end}`, `${hostname()} 4194305 1`);
    file("locked.npy.lock.4194306", "elsewhere 4194306 1");
    expect(await munjang(command("locked.npy", "--resume"))).toMatchObject({ code: 0 });
    expect(beside("locked.npy").sort()).toEqual(["locked.npy", "locked.npy.lock.4194306"]);
  });

  test("a lock that is empty yet is held; for a while", async () => {
    const empty = file("new.npy.lock", "");
    const args = [...command("new.npy", "--resume"), "--file", file("few.txt", "하나\n둘\n")];
    await refused(1, /another process is writing new\.npy; if it is gone, delete .*new\.npy\.lock/, args);
    utimesSync(empty, 1, 1);
    expect(await munjang(args)).toMatchObject({ code: 0 });
    expect(beside("new.npy")).toEqual(["new.npy"]);
  });

  test.skipIf(process.platform !== "linux")(
    "a process that has ended is gone, though its parent has not asked",
    async () => {
      const parent = spawn("sh", ["-c", "sleep 600 & echo $!; exec tail -f /dev/null"]);
      try {
        const [pid] = await once(parent.stdout, "data").then(([data]) => [Number(String(data))]);
        const fields = (): string[] => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
        // The shell would ask for its child; what it becomes does not.
        await vi.waitUntil(() => readFileSync(`/proc/${parent.pid}/comm`, "utf8") === "tail\n", { timeout: 60_000 });
        process.kill(pid, "SIGKILL");
        await vi.waitUntil(() => fields()[0] === "Z", { timeout: 60_000 });
        file("ended.npy.lock", `${hostname()} ${pid} ${fields()[19]}`);
        const args = [...command("ended.npy", "--resume"), "--file", file("few.txt", "하나\n둘\n")];
        expect(await munjang(args)).toMatchObject({ code: 0 });
      } finally {
        parent.kill("SIGKILL");
      }
    },
  );
});

posix("a full disk", () => {
  const limited = (args: string[]) =>
    run("sh", ["-c", `ulimit -f 1000; exec "${process.execPath}" "${main}" "$@"`, "sh", ...args]);

  test("ends in one line that says so, and is gone on with when there is room", async () => {
    const args = command("full.safetensors", "--resume");
    const full = await limited(args);
    expect(full).toMatchObject({ code: 1, out: "" });
    expect(full.err).toMatch(
      /^munjang: cannot write full\.safetensors\.part: the file would be larger than the system allows \(ulimit -f\); what is done is kept: run the same command to go on\n$/,
    );
    const done = await munjang(args);
    expect(done).toMatchObject({ code: 0 });
    expect(Number(/behind (\d+) vectors/.exec(done.err)?.[1])).toBeGreaterThan(1000);
    expect(await munjang(command("whole.safetensors"))).toMatchObject({ code: 0 });
    expect(bytesOf("full.safetensors").equals(bytesOf("whole.safetensors"))).toBe(true);
  });

  test("without --resume nothing is left", async () => {
    const full = await limited(command("gone.npy"));
    expect(full).toMatchObject({ code: 1, out: "" });
    expect(full.err).toBe(
      "munjang: cannot write gone.npy: the file would be larger than the system allows (ulimit -f)\n",
    );
    expect(beside("gone.npy")).toEqual([]);
  });

  test.skipIf(!existsSync("/dev/full"))("of standard output", async () => {
    const full = await toFull(["embed", "--model", tiny, "-f", input]);
    expect(full).toEqual({ code: 1, out: "", err: "munjang: cannot write standard output: the disk is full\n" });
  });
});

test("what ends before anything is done leaves nothing, and says nothing of going on", async () => {
  const args = (name: string, content: string) => [
    ...["embed", "--file", file(name, content), ...flags, "--output", "nothing.npy", "--resume"],
  ];
  await refused(1, /^munjang: no text in .*none\.txt\n$/, args("none.txt", ""));
  await refused(1, /\(--bad-rows skip passes over such rows\)\n$/, args("first.jsonl", '{"text": 5}\n'));
  expect(beside("nothing.npy")).toEqual([]);
});

test("a bad row stops the work, which goes on behind it when that is asked for", async () => {
  const lines = Array.from({ length: 3000 }, (_, i) => (i === 2000 ? '{"text": 5}' : `{"text": "${i}번 문장"}`));
  const args = ["embed", "--file", file("bad.jsonl", lines.join("\n")), ...flags, "--output", "bad.npy", "--resume"];
  const stopped = await munjang(args);
  expect(stopped.code).toBe(1);
  expect(stopped.err).toMatch(
    /^munjang: line 2001 of .*bad\.jsonl has no text in "text": it is a number \(--bad-rows skip .*; what is done is kept/,
  );
  const done = await munjang([...args, "--bad-rows", "skip"]);
  expect(done).toMatchObject({ code: 0, out: "" });
  const [on, told, sum, written] = done.err.split("\n");
  expect(on).toBe("munjang: going on behind 1792 vectors");
  expect(told).toMatch(/^munjang: line 2001 of .* has no text in "text": it is a number; passed over$/);
  expect(sum).toMatch(/^munjang: 1 line of .* could not be read and have no vector$/);
  expect(written).toBe("munjang: 2999 vectors of 16 written to bad.npy");
});

test("memory does not grow with the input", async () => {
  const probe = file("probe.cjs", 'process.on("exit", () => console.error("peak", process.resourceUsage().maxRSS));');
  const peak = async (rows: number): Promise<number> => {
    const name = join(folder, `${rows}.jsonl`);
    const some = Array.from(
      { length: 1000 },
      (_, i) => `{"id": ${i}, "text": "${i}번 문장", "more": "${"x".repeat(300)}"}\n`,
    );
    writeFileSync(name, some.join("").repeat(rows / 1000));
    const args = ["embed", "--file", name, ...flags, "--output", `${rows}.npy`];
    // The young generation small, or it is what is measured.
    const { code, err } = await run(process.execPath, ["--max-semi-space-size=2", "--require", probe, main, ...args]);
    expect(code).toBe(0);
    expect(err).toContain(`${rows} vectors`);
    return Number(/peak (\d+)/.exec(err)?.[1]) / 1024;
  };
  const [few, many] = [await peak(20_000), await peak(200_000)];
  // The input is 70 MB, the output 13 MB. Measured: 112 and 116 MB resident.
  expect(many - few).toBeLessThan(30);
});
