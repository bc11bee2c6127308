/**
 * `munjang serve` on loopback, requests of 32 texts from autocannon: at capacity against the engine by itself, in turns; and at four times
 * that rate. Every answer is compared with the engine's own bits. `npm run bench:serve`
 *
 * The generator runs on the cores of the server, so its share of them is reported beside every figure.
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import autocannon from "autocannon";
import { SentenceTransformer } from "munjang";
import { machine, spread } from "./measure.ts";
import { writeResult } from "./result.ts";

const root = join(import.meta.dirname, "..");
const MODEL = "munjang-mini-ko";
const [TEXTS, REQUESTS] = [32, 64];
/** What may wait in the server, so that an overload fills it within a second or two. */
const QUEUED_TOKENS = 16_384;
const quick = process.argv.includes("--quick");
const [ROUNDS, SECONDS, OVERLOAD] = quick ? [2, 6, 12] : [7, 5, 60];
const TICKS = 100; // a second, of /proc; USER_HZ is 100 on every Linux

/** Sentences of 5 to 20 words out of a small stock, each different. */
function sentences(count: number): string[] {
  const words =
    "오늘 저녁에는 친구와 함께 강가를 따라 오래 걸으며 지난여름 이야기를 나누었습니다 비가 오면 기차는 늦게 옵니다".split(
      " ",
    );
  let state = 7;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  return Array.from({ length: count }, (_, n) => {
    return `${n} ${Array.from({ length: 5 + next(16) }, () => words[next(words.length)]).join(" ")}`;
  });
}

interface Shot {
  readonly status: number;
  readonly milliseconds: number;
}

interface Phase {
  readonly rate: number;
  /** Texts a second that were asked for, refused ones too. */
  readonly asked: number;
  readonly answered: number;
  readonly refused: number;
  readonly wrong: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  /** Cores used, of those there are. */
  readonly generator: number;
  readonly server: number;
  readonly resident: readonly number[];
}

const texts = sentences(TEXTS * REQUESTS);
const own = await SentenceTransformer.load(MODEL, { threads: 0 });
const rows = await own.encode(texts, { normalizeEmbeddings: true });
const tokens = own.tokenize(texts).reduce((sum, { ids }) => sum + ids.length, 0);
await own.dispose();
const base64 = rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString("base64"));

/** Cores a process has used since it began, in seconds. */
function used(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function resident(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

/** Fires for so many seconds; each connection `rate` requests a second, or as fast as they are answered. */
async function fire(url: string, pid: number, seconds: number, connections: number, rate?: number): Promise<Phase> {
  const shots: Shot[] = [];
  let wrong = 0;
  const requests = Array.from({ length: REQUESTS }, (_, r) => {
    const from = r * TEXTS;
    const expected = base64
      .slice(from, from + TEXTS)
      .map((text, index) => `{"object":"embedding","index":${index},"embedding":"${text}"}`);
    const data = `{"object":"list","data":[${expected.join(",")}],`;
    return {
      method: "POST" as const,
      path: "/v1/embeddings",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: MODEL, input: texts.slice(from, from + TEXTS), encoding_format: "base64" }),
      setupRequest(request: autocannon.Request, context: { at?: number }) {
        context.at = performance.now();
        return request;
      },
      onResponse(status: number, body: string, context: { at?: number }, headers?: IncomingHttpHeaders) {
        shots.push({ status, milliseconds: performance.now() - (context.at ?? 0) });
        const honest =
          status === 200 ? body.startsWith(data) : status === 429 && headers?.["retry-after"] !== undefined;
        if (!honest) wrong++;
      },
    };
  });
  const samples = [resident(pid)];
  const timer = setInterval(() => samples.push(resident(pid)), 1000);
  const [began, before, mine] = [performance.now(), used(pid), process.cpuUsage()];
  const result = await autocannon({ url, connections, duration: seconds, requests, timeout: 60, connectionRate: rate });
  const wall = (performance.now() - began) / 1000;
  const spent = process.cpuUsage(mine);
  clearInterval(timer);
  const answered = shots.filter(({ status }) => status === 200);
  const times = answered.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  return {
    rate: (answered.length * TEXTS) / wall,
    asked: (shots.length * TEXTS) / wall,
    ...{ answered: answered.length, refused: shots.filter(({ status }) => status === 429).length, wrong },
    failed: result.errors + result.timeouts,
    ...{ p50: times[times.length >> 1], p99: times[Math.floor(times.length * 0.99)] },
    generator: (spent.user + spent.system) / 1e6 / wall,
    server: (used(pid) - before) / wall,
    resident: samples,
  };
}

async function startServer(threads: number): Promise<{ child: ChildProcess; url: string }> {
  const args = [
    join(root, "apps/cli/bin/munjang.js"),
    "serve",
    "--port",
    "0",
    "--threads",
    `${threads}`,
    "--max-queued-tokens",
    `${QUEUED_TOKENS}`,
  ];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface(child.stdout!);
  for await (const line of lines) {
    const { msg, url } = JSON.parse(line);
    if (msg !== "ready") continue;
    child.stdout!.resume(); // the log is written and read, as it would be
    return { child, url };
  }
  throw new Error("the server did not start");
}

async function measure(threads: number): Promise<Record<string, unknown>> {
  const engine = fork(join(import.meta.dirname, "serve-engine.ts"), [MODEL, `${threads}`], {
    execArgv: process.execArgv,
  });
  await once(engine, "message");
  const { child, url } = await startServer(threads);
  const pid = child.pid as number;
  const alone = async (): Promise<{ rate: number; cpu: number }> => {
    engine.send({ texts, milliseconds: 1000 * SECONDS });
    const [figures] = (await once(engine, "message")) as [{ rate: number; cpu: number }];
    return figures;
  };
  const at = (seconds: number): Promise<Phase> => fire(url, pid, seconds, 8);
  await alone();
  await at(SECONDS); // both warm
  const rounds: { engine: { rate: number; cpu: number }; phase: Phase }[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push({ engine: await alone(), phase: await at(SECONDS) });
  const capacity = spread(rounds.map(({ phase }) => phase.rate)).median;
  // Enough connections for four times the rate while as many as have room wait in the queue.
  const target = (4 * capacity) / TEXTS;
  const each = Math.ceil(target / 200);
  const waiting = Math.ceil(QUEUED_TOKENS / ((tokens / texts.length) * TEXTS));
  const overload = await fire(url, pid, OVERLOAD, Math.ceil(target / each) + 2 * waiting, each);
  const after = await at(SECONDS);
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  engine.disconnect();
  const part = (phases: readonly Phase[], of: "generator" | "server" | "p50" | "p99"): number =>
    spread(phases.map((phase) => phase[of])).median;
  const phases = rounds.map(({ phase }) => phase);
  const mb = (bytes: number): number => Math.round(bytes / 1e5) / 10;
  const half = overload.resident.length >> 1;
  return {
    threads,
    engine: spread(rounds.map(({ engine }) => engine.rate)),
    atCapacity: {
      rate: spread(phases.map(({ rate }) => rate)),
      ofEngine: spread(rounds.map(({ engine, phase }) => phase.rate / engine.rate)),
      ...{ p50: part(phases, "p50"), p99: part(phases, "p99") },
      coresOfGenerator: part(phases, "generator"),
      coresOfServer: part(phases, "server"),
      // Of all threads: what holds on a busy machine, too.
      cpuMsPerText: {
        engine: spread(rounds.map(({ engine }) => engine.cpu)).median,
        server: spread(phases.map(({ server, rate }) => (1000 * server) / rate)).median,
      },
    },
    overload: {
      seconds: OVERLOAD,
      asked: overload.asked,
      timesCapacity: overload.asked / capacity,
      rate: overload.rate,
      ofCapacity: overload.rate / capacity,
      ofEngine: overload.rate / spread(rounds.map(({ engine }) => engine.rate)).median,
      ...{ answered: overload.answered, refused: overload.refused, p50: overload.p50, p99: overload.p99 },
      coresOfGenerator: overload.generator,
      coresOfServer: overload.server,
      residentMB: {
        before: mb(overload.resident[0]),
        firstHalf: mb(Math.max(...overload.resident.slice(0, half))),
        secondHalf: mb(Math.max(...overload.resident.slice(half))),
        after: mb(after.resident.at(-1) ?? 0),
      },
    },
    afterwards: { rate: after.rate, ofCapacity: after.rate / capacity },
    compared: [...phases, overload, after].reduce((sum, { answered }) => sum + answered, 0),
    wrong: [...phases, overload, after].reduce((sum, { wrong }) => sum + wrong, 0),
    failed: [...phases, overload, after].reduce((sum, { failed }) => sum + failed, 0),
    exitCode: code,
  };
}

/** Others on the machine take from what is measured here: a load above the number of cores says that the figures are not worth keeping. */
const load = loadavg()[0];
const runs: Record<string, unknown>[] = [];
for (const threads of [1, Math.min(2, availableParallelism())]) {
  const run = await measure(threads);
  runs.push(run);
  console.log(JSON.stringify(run, null, 2));
}
const title = `munjang serve, ${MODEL}, requests of ${TEXTS} texts, ${(tokens / texts.length).toFixed(1)} tokens each, base64`;
const file = join(root, quick ? "test-results/serve.json" : "bench/results/serve.json");
writeResult(file, { title, unit: "texts/s", milliseconds: "p50, p99", ...machine(), load, runs });
