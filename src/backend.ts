import { checkOptional } from "./base/door.ts";
import { ModelError } from "./base/errors.ts";
import { js } from "./kernels/js/index.ts";
import type { Kernels } from "./kernels/kernels.ts";

/** Who does the arithmetic, by name. `auto` is the fastest backend that gives the same bits everywhere. */
export type BackendName = "auto" | "js" | "reference";

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
}

/** Backends by name. The naive one is there to learn from and to test with: Node's entry brings it, pages do without (see `munjang/kernels`). */
const BACKENDS = new Map<string, () => Kernels<unknown>>([["js", js]]);

export function addBackend(name: BackendName, make: () => Kernels<unknown>): void {
  BACKENDS.set(name, make);
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

export function chooseBackend(backend: Backend = "auto"): ChosenBackend {
  if (backend === "auto") {
    return { kernels: js(), reason: "auto: plain JavaScript, the fastest backend of this version" };
  }
  const named = typeof backend === "string" ? BACKENDS.get(backend) : undefined;
  if (named !== undefined) return { kernels: named(), reason: "asked for" };
  if (typeof backend === "object" && backend !== null) {
    for (const field of OPERATIONS) checkOptional(`backend.${field}`, backend[field] ?? null, "function");
    return { kernels: backend, reason: "given by the caller" };
  }
  throw new ModelError(
    `is not a backend here; use auto, ${[...BACKENDS.keys()].join(", ")}, or an object of munjang/kernels`,
    {
      field: "backend",
      value: backend,
    },
  );
}
