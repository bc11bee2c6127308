import { checkOptional } from "./base/door.ts";
import { ModelError } from "./base/errors.ts";
import { js } from "./kernels/js/index.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { reference } from "./kernels/reference.ts";

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
  switch (backend) {
    case "auto":
      return { kernels: js(), reason: "auto: plain JavaScript, the fastest backend of this version" };
    case "js":
      return { kernels: js(), reason: "asked for" };
    case "reference":
      return { kernels: reference(), reason: "asked for" };
  }
  if (typeof backend === "object" && backend !== null) {
    for (const field of OPERATIONS) checkOptional(`backend.${field}`, backend[field] ?? null, "function");
    return { kernels: backend, reason: "given by the caller" };
  }
  throw new ModelError(
    "is not a backend of this version; use auto, js, reference, or an object with the Kernels interface",
    {
      field: "backend",
      value: backend,
    },
  );
}
