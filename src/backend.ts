import { checkOptional, refuse } from "./base/door.ts";
import { ModelError } from "./base/errors.ts";
import type { BertConfig } from "./bert/config.ts";
import { js } from "./kernels/js/index.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { wasmOf } from "./kernels/wasm/index.ts";
import { among, type Compiled, compile, type Variant, variant } from "./kernels/wasm/variants.ts";
import type { Engine } from "./run/engine.ts";
import { inline } from "./run/inline.ts";
import { team } from "./run/team.ts";
import { threadsHere } from "./run/threads.ts";

/**
 * Who does the arithmetic, by name. `auto` is `wasm`, or `js` with a reason where it is missing or forbidden; it never measures. `fastest` does,
 * and takes the fastest of `candidates` (`munjang/fastest`).
 */
export type BackendName = "auto" | "wasm" | "wasm-relaxed" | "js" | "reference" | "fastest";

/** A backend by name, one of a GPU (`munjang/webgpu`, `munjang/gpujs`), or kernels of your own. */
// biome-ignore lint/suspicious/noExplicitAny: a buffer type only the backend itself knows
export type Backend = BackendName | LateBackend | Kernels<any>;

/** A backend that is opened when a model is loaded. */
export interface LateBackend {
  readonly name: string;
  /** Equal for those that are alike, so that `fastest` need not measure them twice. */
  readonly kind?: string;
  /** `model` is what it is opened for. */
  open(options: BackendOptions, whole?: WholeBackends, model?: BertConfig): Promise<ChosenBackend>;
}

/** Who computes, and with how many hands. */
export interface BackendOptions {
  /** Who does the arithmetic; default `"auto"`. */
  backend?: Backend;
  /**
   * Workers that compute while the calling thread stays free. `"auto"`, the default: as many as there are cores, at most 8; none where there
   * are no workers, or the backend has no use for them. 0: the calling thread computes. The bits do not depend on it.
   */
  threads?: number | "auto";
  /**
   * Computes with 256-bit vectors: up to twice as fast, and the same bits. Node 24 or newer only. It switches on an experiment of V8 for
   * the whole process, which cannot be switched off again; an error where it has no effect.
   */
  wide?: boolean;
  /**
   * Modules that were compiled beforehand, for runtimes that compile nothing while they run (Cloudflare's, Vercel's at the edge): the files
   * `munjang/wasm/float32.wasm`, `int8.wasm`, `int8-12.wasm`, imported there. They are for one thread.
   */
  wasmModules?: Compiled;
  /** What `backend: "fastest"` chooses from: names, and backends such as `webgpu()`. Default: wasm, wasm-relaxed and js. */
  candidates?: readonly Backend[];
  /**
   * Compares what the backend makes of a small model with what plain JavaScript makes of it, before anything else, and refuses it where they
   * differ. Default: true for GPUs and with `backend: "fastest"`. For others it needs `munjang/verify`.
   */
  verify?: boolean;
  /** The worker's code, where it cannot be found beside the engine's. */
  workerUrl?: string | URL;
}

/** What really runs, and why. */
export interface BackendInfo {
  readonly name: string;
  /** Workers that compute beside the calling thread; 0 where it computes alone. */
  readonly threads: number;
  /** Bits of the vectors the backend computes with; 0 for plain JavaScript. */
  readonly width: number;
  readonly reason: string;
  /** What `fastest` measured. */
  readonly figures?: readonly Figure[];
}

/** One backend's speed on a model's own sizes. */
export interface Figure {
  readonly name: string;
  /** Milliseconds of a text of 12 tokens alone. */
  readonly short: number;
  /** Tokens a second in large batches. */
  readonly large: number;
}

export interface ChosenBackend {
  readonly engine: Engine<unknown>;
  readonly name: string;
  readonly reason: string;
  /** Bits of its vectors; 0 for plain JavaScript, and for a caller's kernels, which do not say. */
  readonly width: number;
  /** Multiplications and additions of a batch by default; or its tokens, where that is not what decides. */
  readonly work: number;
  readonly tokens?: number;
  readonly figures?: readonly Figure[];
  /** What a user should know. */
  readonly warnings?: readonly string[];
}

/**
 * A few tenths of a second of plain JavaScript, or of WebAssembly on the calling thread, after which a call can be aborted. Larger batches
 * gain 3 % there. Workers do not care, and take what is best for the caches.
 */
const WORK = { js: 2e9, wasm: 16e9, team: 48e9 };

/** Backends by name that compute on the calling thread, or are opened first. Node's entry adds the naive one, `munjang/fastest` its own. */
const NAMED = new Map<string, () => Kernels<unknown> | LateBackend>([["js", js]]);

/** Backends in WebAssembly. */
const IN_WEBASSEMBLY: readonly string[] = ["wasm", "wasm-relaxed"] satisfies Variant["name"][];

export function addBackend(name: BackendName, make: () => Kernels<unknown> | LateBackend): void {
  NAMED.set(name, make);
}

/** Runs a small model, and throws where the result is wrong; `munjang/verify` brings it. */
let verifier: ((engine: Engine<unknown>) => Promise<void>) | undefined;

export function addVerifier(verify: NonNullable<typeof verifier>): void {
  verifier = verify;
}

/** The backends that compute with whole numbers; `munjang/int8` brings them. */
export interface WholeBackends {
  js(): Kernels<unknown>;
  /** Kernels that compute with floats, for a model of whole numbers. */
  floats(kernels: Kernels<unknown>): Kernels<unknown>;
  /** What the WebAssembly variants of a width need in addition. */
  wasm(width: Variant["width"], compiled?: Compiled): Variant["int8"];
}

export async function chooseBackend(
  options: BackendOptions = {},
  whole?: WholeBackends,
  model?: BertConfig,
): Promise<ChosenBackend> {
  const { backend = "auto", verify } = options;
  const given = typeof backend === "string" ? NAMED.get(backend)?.() : backend;
  if (given && "open" in given) return given.open(options, whole, model);
  if (verify === true) {
    const check = verifier ?? refuse("verify", 'needs `import "munjang/verify"` here', verify);
    const { engine } = await choose(options, whole, given);
    try {
      await check(engine);
    } finally {
      if (given !== backend) await engine.dispose(); // kernels of the caller's own go on
    }
  }
  return choose(options, whole, given);
}

async function choose(
  options: BackendOptions,
  whole: WholeBackends | undefined,
  given?: Kernels<unknown>,
): Promise<ChosenBackend> {
  const { backend = "auto" } = options;
  if (backend === "auto") {
    try {
      return await inWebAssembly("wasm", options, "auto: WebAssembly, the same bits everywhere", whole);
    } catch (error) {
      if (error instanceof ModelError) throw error;
      return plain(
        (whole?.js ?? js)(),
        options,
        `auto: plain JavaScript, because WebAssembly does not run here: ${error}`,
      );
    }
  }
  if (backend === "js") return plain((whole?.js ?? js)(), options, "asked for");
  if (typeof given === "object" && given !== null) {
    checkKernels("backend", given);
    return plain(whole?.floats(given) ?? given, options, given === backend ? "given by the caller" : "asked for");
  }
  if (!IN_WEBASSEMBLY.includes(backend as string)) {
    const names = [...NAMED.keys(), ...IN_WEBASSEMBLY].join(", ");
    refuse("backend", `is not supported; use one of auto, ${names}, or an object of munjang/kernels`, backend);
  }
  try {
    return await inWebAssembly(backend as Variant["name"], options, "asked for", whole);
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    return refuse("backend", `does not run here (${cause}); auto takes js instead`, backend);
  }
}

/** Every function that ours has. */
export function checkKernels(name: string, given: Kernels<unknown>): void {
  for (const [field, ours] of Object.entries(js())) {
    if (typeof ours !== "function") continue;
    checkOptional(`${name}.${field}`, given?.[field as keyof Kernels<unknown>] ?? null, "function");
  }
}

/** Kernels that compute on the calling thread, or on something that is not a thread. */
export function plain(kernels: Kernels<unknown>, { threads = 0, wide }: BackendOptions, reason: string): ChosenBackend {
  if (wide === true) refuse("wide", `is for WebAssembly; ${kernels.name} has no vectors`, wide);
  checkNoThreads(threads, `${kernels.name} computes on the calling thread`);
  return { engine: inline(kernels), name: kernels.name, reason, width: 0, work: WORK.js };
}

/** Where the calling thread computes nobody may insist on others. */
function checkNoThreads(threads: BackendOptions["threads"], why: string): void {
  if (threads !== 0 && threads !== "auto") refuse("threads", `cannot be had here (${why}); use 0 or "auto"`, threads);
}

async function inWebAssembly(
  name: Variant["name"],
  options: BackendOptions,
  reason: string,
  whole?: WholeBackends,
): Promise<ChosenBackend> {
  /** More threads than this gain little: they meet some 130 times in a forward pass of twelve layers. */
  const MOST_BY_DEFAULT = 8;
  const { threads = "auto", wide = false, workerUrl, wasmModules } = options;
  const here = threadsHere();
  const ready = async (kind: Variant): Promise<WebAssembly.Module> =>
    among(wasmModules as Compiled, kind) ??
    refuse("wasmModules", "holds no module for this dtype and version: import it from munjang/wasm/");
  const narrow = wasmModules === undefined ? compile : ready;
  const make = wide ? (here?.widen ?? refuse("wide", "needs Node 24 or newer; leave it out", wide)) : narrow;
  const width = wide ? 256 : 128;
  const kind = { ...variant(name, width), int8: whole?.wasm(width, wasmModules) };
  const wary = threads === "auto" ? here?.wary : undefined;
  const workers = threads === 0 || wasmModules !== undefined || wary !== undefined ? undefined : here;
  const module = await make(kind, workers?.shared ?? false);
  let alone =
    threads === 0
      ? "no workers were asked for"
      : (wary ?? (wasmModules ? "wasmModules are for one thread" : "this runtime has no workers"));
  if (workers !== undefined) {
    const count = threads === "auto" ? Math.min(workers.cores, MOST_BY_DEFAULT) : threads;
    let why = "";
    for (const spawn of [() => workers.spawn(workerUrl), workers.spare]) {
      if (spawn === undefined) break;
      try {
        const engine = (await team(spawn, workers.shared, count, module, kind)) as Engine<unknown>;
        if (why !== "") reason += `; munjang/inline-worker, because ${why}`;
        if (!workers.shared) reason += "; one worker, as memory cannot be shared here";
        return { engine, name, reason, width, work: WORK.team };
      } catch (error) {
        why ||= `${error}`;
      }
    }
    alone = why;
  }
  checkNoThreads(threads, alone);
  const own = workers?.shared ? await make(kind, false) : module;
  const engine = inline((await wasmOf(own, kind)) as Kernels<unknown>);
  return { engine, name, reason: `${reason}; on the calling thread: ${alone}`, width, work: WORK.wasm };
}
