import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import { afterAll, beforeAll, expect, it } from "vitest";
import { machine } from "../../bench/measure.ts";
import { CLIENTS, type End, type Target } from "./serve-clients.ts";

/*
 * `munjang serve` for ten minutes among good clients and bad ones: slow, deaf, cut off, huge, malformed, gone. Every good answer has the
 * engine's bits, memory stays where it was, and in the end nothing is left over. MUNJANG_SOAK_SECONDS shortens it; MUNJANG_SOAK names a file
 * for the figures.
 */

const SECONDS = Number(process.env.MUNJANG_SOAK_SECONDS ?? 600);
const WORD = "비밀스러운";
/** Of memory in the last third above the first two, where the heap has not settled. */
const GROWTH = 1.15;

let child: ChildProcess;
let url = "";
const log: string[] = [];

beforeAll(async () => {
  const main = join(import.meta.dirname, "../../apps/cli/bin/munjang.js");
  const args = ["serve", "--port", "0", "--threads", "1", "--max-queued-tokens", "20000", "--max-body", "200000"];
  child = spawn(process.execPath, [main, ...args, "--body-timeout", "2"], { stdio: ["ignore", "pipe", "pipe"] });
  const lines = createInterface(child.stdout!);
  const ready = new Promise<string>((resolve) => {
    lines.on("line", (line) => {
      // All are looked at, some kept.
      if (line.includes(WORD)) log.push(line);
      if (line.includes('"msg":"ready"')) resolve(JSON.parse(line).url);
    });
  });
  url = await ready;
});
afterAll(() => child.kill("SIGKILL"));

const resident = (): number => {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1000;
};
const handles = (): number => readdirSync(`/proc/${child.pid}/fd`).length;

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
}

it.skipIf(process.platform !== "linux")(`${SECONDS} seconds among bad clients`, async () => {
  const model = await SentenceTransformer.load(mini, { threads: 0 });
  const requests: { body: string; expected: string }[] = [];
  for (let r = 0; r < 16; r++) {
    const inputs = Array.from({ length: 1 + 2 * r }, (_, i) => `${WORD} 문장 ${r} ${i} ${"길어집니다 ".repeat(i)}`);
    const rows = await model.encode(inputs, { normalizeEmbeddings: true });
    requests.push({ body: JSON.stringify({ inputs }), expected: JSON.stringify(rows.map((row) => [...row])) });
  }
  await model.dispose();
  const target: Target = { url, requests };
  const before = handles();

  const until = performance.now() + 1000 * SECONDS;
  const counts: Record<string, Partial<Record<End, number>>> = {};
  const memory: number[] = [];
  const timer = setInterval(() => memory.push(resident()), 250);
  const problems: string[] = [];
  await Promise.all(
    Object.entries(CLIENTS).map(async ([name, client]) => {
      const ends: Partial<Record<End, number>> = {};
      counts[name] = ends;
      for (let n = 0; performance.now() < until; n++) {
        const end = await client(target, n).catch((error): End => {
          problems.push(`${name} ${n}: ${error}`);
          return "failed";
        });
        if (end === "failed") problems.push(`${name} ${n}`);
        ends[end] = (ends[end] ?? 0) + 1;
      }
    }),
  );
  clearInterval(timer);

  // Everybody has left: nothing waits, and connections are closed.
  await expect.poll(() => metric("munjang_queue_tokens"), { timeout: 60_000 }).toBe(0);
  await expect.poll(handles, { timeout: 60_000 }).toBeLessThan(before + 10);
  const third = Math.floor(memory.length / 3);
  const [early, late] = [Math.max(...memory.slice(0, 2 * third)), Math.max(...memory.slice(2 * third))];
  const figures = {
    seconds: SECONDS,
    ...machine(),
    counts,
    residentMB: { before: memory[0], firstTwoThirds: early, lastThird: late },
  };
  console.log(JSON.stringify(figures, null, 2));
  const { MUNJANG_SOAK: file } = process.env;
  if (file !== undefined) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
  }
  expect(problems.slice(0, 10)).toEqual([]);
  for (const [name, ends] of Object.entries(counts)) {
    expect(ends.wrong ?? 0, name).toBe(0);
    expect((ends.done ?? 0) + (ends.answered ?? 0), name).toBeGreaterThan(0);
  }
  expect(late).toBeLessThan(GROWTH * early);
  expect(log).toEqual([]);
  expect(child.exitCode).toBeNull();

  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});
