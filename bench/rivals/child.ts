/** One engine in a process of its own: `node child.ts ENGINE THREADS MODEL WORKS`. Ends when its standard input does. */
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { adapters } from "./adapters.ts";
import type { Engine, Request, Run, Setting, Work } from "./protocol.ts";

const [, , name, threads, model, works] = process.argv;
const setting: Setting = { model, threads: Number(threads) };
const all = new Map((JSON.parse(readFileSync(works, "utf8")) as Work[]).map((work) => [work.name, work]));
let engine: Engine | undefined;

async function vectors({ work: key, form, batch }: Run): Promise<Float32Array[]> {
  const work = all.get(key);
  if (work === undefined) throw new Error(`there is no work ${key}`);
  if (form === "ids" && engine?.ids !== undefined) return engine.ids(work.ids, batch);
  if (form === "texts" && engine?.texts !== undefined && work.texts !== undefined)
    return engine.texts(work.texts, batch);
  throw new Error(`${name} cannot do ${key} as ${form}`);
}

/** Kilobytes of a line of /proc/self/status, in bytes. */
function status(key: string): number {
  const found = new RegExp(`${key}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"));
  return found === null ? Number.NaN : Number(found[1]) * 1024;
}

let sink = 0;

async function answer(request: Request): Promise<object> {
  switch (request.op) {
    case "load": {
      const start = performance.now();
      engine = await adapters[name](setting);
      return { milliseconds: performance.now() - start, about: engine.about };
    }
    case "run": {
      const start = performance.now();
      let [calls, milliseconds] = [0, 0];
      do {
        sink += (await vectors(request))[0][0];
        calls++;
        milliseconds = performance.now() - start;
      } while (milliseconds < request.milliseconds);
      return { calls, milliseconds };
    }
    case "vectors": {
      const rows = await vectors(request);
      const flat = new Float32Array(rows.length * rows[0].length);
      rows.forEach((row, n) => {
        flat.set(row, n * row.length);
      });
      writeFileSync(request.file, flat);
      return { rows: rows.length, columns: rows[0].length };
    }
    case "rates":
      if (engine?.rates === undefined) throw new Error(`${name} has no rates`);
      return engine.rates(request.milliseconds);
    case "memory":
      return { resident: status("VmRSS"), peak: status("VmHWM") };
    case "install":
      throw new Error("npm packages are measured by the parent");
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const reply = await answer(JSON.parse(line)).catch((error: unknown) => ({ error: String(error) }));
  writeSync(3, `${JSON.stringify(reply)}\n`);
}
process.exit(Number.isNaN(sink) ? 1 : 0); // some engines keep threads that would hold the process open
