import { type LateBackend, plain } from "./backend.ts";
import { checkNames, checkObject, checkOneOf, refuse } from "./base/door.ts";
import { gpuJsKernels } from "./kernels/gpujs/index.ts";
import { type GpuJsMode, type GpuJsModule, gpuJs, MODES } from "./kernels/gpujs/library.ts";
import { js } from "./kernels/js/index.ts";
import { inline } from "./run/inline.ts";
import { selfTest, TOLERANCE } from "./self-test.ts";

export { ModelError } from "./base/errors.ts";
export type { GpuJsMode, GpuJsModule } from "./kernels/gpujs/library.ts";

/** Options of `gpujs`. */
export interface GpuJsOptions {
  /**
   * Where gpu.js shall compute: "webgpu", "webgl2", "webgl", "headlessgl" (Node with the package `gl`), "webasm" or "cpu". Left out, gpu.js
   * chooses (never "webgpu"), and `backend.reason` says what. It is an error if it computes elsewhere.
   */
  mode?: GpuJsMode;
  /**
   * gpu.js itself, or what fetches it. Pages need it, with a bundler or without: `() => import("gpu.js")`. In Node, Deno and Bun, left out, the
   * package `gpu.js` is imported when a model is loaded.
   */
  module?: GpuJsModule;
}

/**
 * The matrix product on gpu.js 2.24, everything else in plain JavaScript: `SentenceTransformer.load(model, { backend: gpujs() })`. The package
 * `gpu.js` must be installed beside this one. A small model is computed first, and compared with plain JavaScript, unless `verify` is false.
 *
 * @throws ModelError at once where an option is wrong; when a model is loaded, where gpu.js is missing, does not run in this mode, has no
 * float32 there, or computes wrongly.
 */
export function gpujs(options: GpuJsOptions = {}): LateBackend {
  checkObject("gpujs", options);
  checkNames(options, ["mode", "module"]);
  const { mode, module } = options;
  if (mode !== undefined) checkOneOf("mode", mode, MODES);
  if (module !== undefined && typeof module !== "function" && (typeof module !== "object" || module === null)) {
    refuse("module", "must be gpu.js, or a function that imports it", module);
  }
  return {
    name: "gpujs",
    async open(given, whole, model) {
      plain({ ...js(), name: "gpujs" }, given, ""); // whether the other options can be had, before anything is made
      const library = await gpuJs(module);
      if (given.verify !== false) {
        const { kernels, mode: ran } = await gpuJsKernels(library, mode);
        try {
          await selfTest(inline(kernels), `gpu.js in mode ${ran}`, TOLERANCE, model);
        } finally {
          await kernels.dispose();
        }
      }
      const { kernels, mode: ran } = await gpuJsKernels(library, mode);
      const reason = `given by the caller: gpu.js, ${mode === undefined ? `which chose ${ran}` : ran}`;
      const chosen = plain(whole?.floats(kernels) ?? kernels, given, reason);
      // On a GPU a batch of few tokens is all waiting.
      return ran === "webasm" || ran === "cpu" ? chosen : { ...chosen, tokens: TOKENS };
    },
  };
}

/** Tokens of a batch on a GPU by default. */
const TOKENS = 512;
