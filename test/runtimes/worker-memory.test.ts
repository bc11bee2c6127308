import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpu } from "../../bench/cpu.ts";
import { fullModel, SENTENCES, sentences } from "./worker/full.ts";
import { type Memory, type Watched, type Workerd, workerd, workerdVersion } from "./worker/workerd.ts";

/*
 * KR-SBERT's shape in a Worker of 128 MB. workerd itself sets no limit, so what the isolate has is counted: WebAssembly memory, JavaScript's heap
 * and array buffers; while it loads with everything that could be collected, while it encodes after the engine has collected: without a limit it
 * lets some 16 MB of garbage come together first. MUNJANG_EDGE names a file for the figures (`npm run bench:edge`).
 */

/** Bytes: eight million below Cloudflare's limit. */
const LIMIT = 120e6;

interface Loaded {
  readonly backend: { readonly name: string; readonly threads: number };
  readonly ms: number;
}
interface Stats {
  readonly requests: number;
  readonly bytes: number;
  readonly rowBytes: number;
}

/** As many for the figures of docs/edge.md; half of them see the same, in less time. */
const texts = sentences(process.env.MUNJANG_EDGE === undefined ? 300 : 600);
const BATCH = 20;
const figures: Record<string, unknown> = {};
let model: Record<string, Uint8Array>;
/** What Node makes of the texts, with the whole model in memory. */
let expected: Buffer;

beforeAll(async () => {
  model = await fullModel();
  expected = inNode(model, texts);
}, 300_000);

afterAll(() => {
  const file = process.env.MUNJANG_EDGE;
  const about = {
    cpu: cpu(),
    node: process.version,
    workerd: workerdVersion,
    texts: texts.length,
    sentences: SENTENCES,
    ...figures,
  };
  console.log(JSON.stringify(about, null, 2));
  if (file !== undefined) writeFileSync(file, `${JSON.stringify(about, null, 2)}\n`);
});

/** The vectors' bytes, by the built package on Node, one thread. */
function inNode(files: Record<string, Uint8Array>, texts: readonly string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "munjang-full-"));
  try {
    write(folder, files);
    const entry = new URL("../../dist/node/node.js", import.meta.url).href;
    const program = `
      import { readFileSync } from "node:fs";
      import { SentenceTransformer } from ${JSON.stringify(entry)};
      const model = await SentenceTransformer.load(${JSON.stringify(folder)}, { threads: 0 });
      const rows = await model.encode(JSON.parse(readFileSync(0, "utf8")));
      process.stdout.write(Buffer.concat(rows.map((row) => Buffer.from(row.buffer, row.byteOffset, row.byteLength))).toString("base64"));`;
    const args = ["--input-type=module", "--eval", program];
    const options = { input: JSON.stringify(texts), encoding: "utf8", maxBuffer: 1 << 30 } as const;
    return Buffer.from(execFileSync(process.execPath, args, options), "base64");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function write(folder: string, files: Record<string, Uint8Array>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** Encodes texts `from` to `to`, and compares every bit. */
async function encode(worker: Workerd, from: number, to: number): Promise<void> {
  const BYTES = 768 * 4;
  const rows = Buffer.from(await worker.ask<ArrayBuffer>("encode", { texts: texts.slice(from, to) }));
  expect(rows.equals(expected.subarray(from * BYTES, to * BYTES))).toBe(true);
}

interface Measured {
  /** The most there was. */
  readonly loading: Memory;
  readonly encoding: Watched;
  readonly [figure: string]: unknown;
}

/** Loads the model and encodes all texts, each bit compared with Node's, while memory is watched. */
async function measure(worker: Workerd, load: object): Promise<Measured> {
  const cold = await worker.watch();
  const start = worker.process().cpu;
  const { backend, ms } = await worker.ask<Loaded>("load", load);
  expect(backend).toMatchObject({ name: "wasm", threads: 0 });
  await encode(worker, 0, 1);
  const { most: loading } = await cold();
  const coldCpu = worker.process().cpu - start;
  const { stats: loaded } = await worker.ask<{ stats: Stats }>("memory");

  const warm = await worker.watch();
  const before = worker.process().cpu;
  for (let n = 0; n < texts.length; n += BATCH) {
    await encode(worker, n, n + BATCH);
  }
  const used = worker.process().cpu - before;
  const encoding = await warm();
  const { stats } = await worker.ask<{ stats: Stats }>("memory");
  return {
    loading,
    encoding,
    "cold load, ms": ms,
    "CPU ms of a cold load and the first text": coldCpu,
    "requests of a cold load and the first text": loaded.requests,
    "bytes of them": loaded.bytes,
    "requests for a text afterwards": (stats.requests - loaded.requests) / texts.length,
    "CPU ms a text, the simulated bucket's included": used / texts.length,
    "bytes of rows kept": stats.rowBytes,
  };
}

/**
 * The figures of a new Worker that took the model. How much garbage lies there while it loads depends on when the engine collects: a load with more
 * than the limit is repeated in another Worker, twice at most. What such a load needs stays above the limit however often.
 */
async function loadAndMeasure(load: object, assets?: string): Promise<{ worker: Workerd; measured: Measured }> {
  for (let more = 2; ; more--) {
    const worker = await workerd({ assets });
    try {
      if (assets === undefined) await worker.put("model", model);
      const before = worker.process().resident;
      const measured = {
        ...(await measure(worker, load)),
        "resident before and after": [before, worker.process().resident],
      };
      if (measured.loading.total < LIMIT || more === 0) return { worker, measured };
    } catch (error) {
      await worker.stop();
      throw error;
    }
    await worker.stop();
  }
}

/**
 * What is held while it encodes: where the engine has not collected in the second half of the time, which on a busy machine it may not, the texts
 * are encoded again, at most so many times, until it has. What is never let go of stays above the limit however often.
 */
async function held(worker: Workerd, { encoding }: Measured, more: number): Promise<number> {
  let least = encoding.held.total;
  for (let again = 0; again < more && least >= LIMIT; again++) {
    const watched = await worker.watch();
    for (let n = 0; n < texts.length; n += BATCH) await encode(worker, n, n + BATCH);
    least = Math.min(least, (await watched()).held.total);
  }
  return least;
}

describe("a Worker of 128 MB", () => {
  it("the encoder in memory, word rows from the bucket: the bits of the whole model, below 120 MB", async () => {
    const { worker, measured } = await loadAndMeasure({ folder: "model/" });
    try {
      figures.bucket = measured;
      expect(measured.loading.total).toBeLessThan(LIMIT);
      expect(await held(worker, measured, 4)).toBeLessThan(LIMIT);
    } finally {
      await worker.stop();
    }
    // The same process without the model: its simulators have handled the same objects.
    const other = await workerd();
    try {
      await other.put("model", model);
      await other.ask("stream", { keys: Object.keys(model).map((name) => `model/${name}`) });
      figures["resident where the same objects were only streamed"] = other.process().resident;
    } finally {
      await other.stop();
    }
  }, 900_000);

  it("with the whole word table in memory it would be above: this can fail", async () => {
    const worker = await workerd();
    try {
      await worker.put("model", model);
      const measured = await measure(worker, { folder: "model/", rows: "memory" });
      figures["whole table in memory"] = measured.encoding;
      expect(await held(worker, measured, 1)).toBeGreaterThan(LIMIT);
    } finally {
      await worker.stop();
    }
  }, 900_000);

  it("from static assets of at most 25 MiB", async () => {
    const assets = mkdtempSync(join(tmpdir(), "munjang-assets-"));
    try {
      const parts = await fullModel(3_000_000);
      for (const content of Object.values(parts)) expect(content.length).toBeLessThan(25 * 1024 * 1024);
      write(join(assets, "model"), parts);
      const { worker, measured } = await loadAndMeasure({ from: "assets", folder: "model/" }, assets);
      try {
        figures.assets = measured;
        expect(measured.loading.total).toBeLessThan(LIMIT);
        expect(await held(worker, measured, 4)).toBeLessThan(LIMIT);
      } finally {
        await worker.stop();
      }
    } finally {
      rmSync(assets, { recursive: true });
    }
  }, 900_000);
});
