import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";

/*
 * A Worker in workerd, the runtime of Cloudflare's Workers, with a bucket and static assets that miniflare simulates; and what it takes of
 * memory and time. Bundled with the built package as wrangler does it: its conditions, .wasm files as modules that are compiled already.
 */

const root = join(import.meta.dirname, "../../..");
const require = createRequire(import.meta.url);

export interface Workerd {
  /** The runtime's own date of release. */
  readonly version: string;
  /** Asks the Worker of entry.js to do something; throws what it answers with. */
  ask<R>(action: string, input?: object): Promise<R>;
  /** Any request. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Puts a small object into the bucket, whatever Worker is running. */
  store(key: string, content: string | Uint8Array): Promise<void>;
  /** Puts a model's files below a folder of the bucket. */
  put(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void>;
  /** Looks at the isolate's memory until it is stopped. */
  watch(): Promise<() => Promise<Watched>>;
  /** Resident memory and CPU time of the process, bytes and ms. */
  process(): { readonly resident: number; readonly cpu: number };
  stop(): Promise<void>;
}

/** Bytes of one isolate. */
export interface Memory {
  readonly wasm: number;
  /** Objects of JavaScript, those that could be collected too. */
  readonly heap: number;
  readonly arrayBuffers: number;
  readonly total: number;
}

export interface Watched {
  /** The most there was, with everything that could have been collected. */
  readonly most: Memory;
  /** The least there was in the second half of the time, which is what stays when the engine has collected. */
  readonly held: Memory;
}

export interface WorkerdOptions {
  /** The Worker's code; default entry.js. */
  readonly entry?: string;
  /** A folder of static assets. */
  readonly assets?: string;
  readonly bindings?: Readonly<Record<string, string>>;
}

/** The package's, which is the runtime's date of release. */
export const workerdVersion: string = JSON.parse(readFileSync(require.resolve("workerd/package.json"), "utf8")).version;

export async function workerd({ entry, assets, bindings }: WorkerdOptions = {}): Promise<Workerd> {
  const { Miniflare } = require("miniflare");
  const { outputFiles } = await build({
    entryPoints: [entry ?? join(import.meta.dirname, "entry.js")],
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    external: ["*.wasm"],
    write: false,
    outfile: "worker.js",
  });
  const [{ text }] = outputFiles;
  const compiled = [...new Set(text.match(/munjang\/wasm\/[\w-]+\.wasm/g) ?? [])].map((name) => ({
    type: "CompiledWasm",
    path: name,
    contents: readFileSync(join(root, name.replace("munjang/", "dist/"))),
  }));
  const others = workerds();
  const runtime = new Miniflare({
    compatibilityDate: "2026-04-01",
    inspectorPort: 0,
    modules: [{ type: "ESModule", path: "worker.js", contents: text }, ...compiled],
    r2Buckets: ["MODELS"],
    bindings,
    assets:
      assets === undefined
        ? undefined
        : {
            directory: assets,
            binding: "ASSETS",
            routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: true },
          },
  });
  const address: URL = await runtime.ready;
  const pid = workerds().find((known) => !others.includes(known)) as number;

  const fetched: Workerd["fetch"] = (path, init) => runtime.dispatchFetch(new URL(path, address), init);
  const ask: Workerd["ask"] = async (action, input = {}) => {
    const response = await fetched(`/${action}`, { method: "POST", body: JSON.stringify(input) });
    if (response.headers.get("content-type") === "application/octet-stream") return response.arrayBuffer();
    const answer = await response.json();
    if (answer?.error !== undefined) throw new Error(answer.error);
    return answer;
  };
  return {
    version: workerdVersion,
    ask,
    fetch: fetched,
    async store(key, content) {
      const bucket = await runtime.getR2Bucket("MODELS");
      await bucket.put(key, typeof content === "string" ? content : Uint8Array.from(content));
    },
    async put(folder, files) {
      for (const [name, content] of Object.entries(files)) {
        const where = `/put?with=${encodeURIComponent(JSON.stringify({ key: `${folder}/${name}` }))}`;
        // Not as the others: the bucket takes only what says how long it is.
        const response = await fetch(new URL(where, address), { method: "POST", body: content as BodyInit });
        if (!response.ok) throw new Error(await response.text());
      }
    },
    async watch() {
      const look = await inspect(await runtime.getInspectorURL());
      let going = true;
      const seen: Memory[] = [];
      const looking = (async () => {
        while (going) seen.push(await look.memory());
      })();
      return async () => {
        going = false;
        await looking;
        look.close();
        // WebAssembly's memory only grows: what there is in the end was the most.
        const { wasm } = await ask<{ wasm: number }>("memory");
        const withWasm = (memory: Memory): Memory => ({ ...memory, wasm, total: memory.total + wasm });
        const least = seen.slice(Math.floor(seen.length / 2)).reduce((a, b) => (b.total < a.total ? b : a));
        return { most: withWasm(seen.reduce((a, b) => (b.total > a.total ? b : a))), held: withWasm(least) };
      };
    },
    process() {
      const [, after] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
      const [user, system] = after.split(" ").slice(11, 13).map(Number);
      const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      return { resident: Number(kilobytes) * 1024, cpu: (user + system) * (1000 / TICKS) };
    },
    stop: () => runtime.dispose(),
  };
}

/** Ticks of a CPU clock in a second. */
const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** The processes of this one that run workerd. */
function workerds(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        return /\(workerd\) \S (\d+)/.exec(stat)?.[1] === String(process.pid);
      } catch {
        return false; // it has ended meanwhile
      }
    });
}

/** The Worker's isolate through the inspector's protocol. */
async function inspect(url: URL): Promise<{ memory(): Promise<Memory>; close(): void }> {
  const list = (await (await fetch(`http://${url.host}/json`)).json()) as { webSocketDebuggerUrl: string }[];
  const target = list.find(({ webSocketDebuggerUrl }) => webSocketDebuggerUrl.includes("core:user"));
  const { WebSocket } = require("ws");
  const socket = new WebSocket(target?.webSocketDebuggerUrl);
  await new Promise((open, fail) => socket.on("open", open).on("error", fail));
  const waiting = new Map<number, (result: Record<string, number>) => void>();
  socket.on("message", (data: Buffer) => {
    const { id, result } = JSON.parse(data.toString());
    waiting.get(id)?.(result);
  });
  let asked = 0;
  return {
    async memory() {
      const id = ++asked;
      const usage = await new Promise<Record<string, number>>((resolve) => {
        waiting.set(id, resolve);
        socket.send(JSON.stringify({ id, method: "Runtime.getHeapUsage" }));
      });
      await new Promise((later) => setTimeout(later, 25)); // each look leaves garbage there too
      const heap = usage.usedSize + usage.embedderHeapUsedSize;
      return { wasm: 0, heap, arrayBuffers: usage.backingStorageSize, total: heap + usage.backingStorageSize };
    },
    close: () => socket.close(),
  };
}
