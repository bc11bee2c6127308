import { checkOptional } from "./base/door.ts";
import { ModelError } from "./base/errors.ts";
import { js } from "./kernels/js/index.ts";
import type { Kernels } from "./kernels/kernels.ts";

/** Who does the arithmetic, by name. `auto` is `wasm`, or `js` with a reason where it is missing or forbidden; it never measures. */
export type BackendName = "auto" | "wasm" | "js" | "reference";

/** A backend by name, or kernels of your own. */
// biome-ignore lint/suspicious/noExplicitAny: a buffer type only the backend itself knows
export type Backend = BackendName | Kernels<any>;

/** What really runs, and why. */
export interface BackendInfo {
  readonly name: string;
  /** Workers that compute beside the calling thread; 0 where it computes alone. */
  readonly threads: number;
  /** Bits of the vectors the backend computes with; 0 for plain JavaScript. */
  readonly width: number;
  readonly reason: string;
}

export interface ChosenBackend {
  readonly kernels: Kernels<unknown>;
  readonly reason: string;
  /** Bits of its vectors; 0 for plain JavaScript, and for a caller's kernels, which do not say. */
  readonly width: number;
  /** Multiplications and additions it does in a few tenths of a second: the default size of a batch. */
  readonly work: number;
}

interface Made extends Pick<ChosenBackend, "width" | "work"> {
  make(): Kernels<unknown> | Promise<Kernels<unknown>>;
}

/** What a caller's kernels are taken for. Larger batches gain 3 % in `js`: measured on the bundled model. */
const SLOW = { width: 0, work: 2e9 };

/** Backends by name. Node's entry adds `wasm` and the naive one; both are in `munjang/kernels` for whoever wants them elsewhere. */
const BACKENDS = new Map<string, Made>([["js", { make: js, ...SLOW }]]);

export function addBackend(name: BackendName, backend: Partial<Made> & Pick<Made, "make">): void {
  BACKENDS.set(name, { ...SLOW, ...backend });
}

/** Every function of the Kernels interface. */
const OPERATIONS = [
  "alloc",
  "write",
  "prepare",
  "read",
  "dispose",
  "embed",
  "linear",
  "attention",
  "layerNorm",
] as const;

export async function chooseBackend(backend: Backend = "auto"): Promise<ChosenBackend> {
  if (backend === "auto") {
    const wasm = BACKENDS.get("wasm");
    let reason = "this entry of munjang has no other";
    try {
      if (wasm !== undefined) {
        return { ...wasm, kernels: await wasm.make(), reason: "auto: WebAssembly, the same bits everywhere" };
      }
    } catch (error) {
      reason = `WebAssembly does not run here: ${error}`;
    }
    return { ...SLOW, kernels: js(), reason: `auto: plain JavaScript, because ${reason}` };
  }
  const named = typeof backend === "string" ? BACKENDS.get(backend) : undefined;
  if (named !== undefined) {
    try {
      return { ...named, kernels: await named.make(), reason: "asked for" };
    } catch (cause) {
      throw new ModelError(`does not run here (${cause}); auto takes js instead`, {
        field: "backend",
        value: backend,
        cause,
      });
    }
  }
  if (typeof backend === "object" && backend !== null) {
    for (const field of OPERATIONS) checkOptional(`backend.${field}`, backend[field] ?? null, "function");
    return { ...SLOW, kernels: backend, reason: "given by the caller" };
  }
  throw new ModelError(
    `is not a backend here; use auto, ${[...BACKENDS.keys()].join(", ")}, or an object of munjang/kernels`,
    {
      field: "backend",
      value: backend,
    },
  );
}
