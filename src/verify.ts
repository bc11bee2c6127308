import { addVerifier, checkKernels } from "./backend.ts";
import type { Kernels } from "./kernels/kernels.ts";
import { inline } from "./run/inline.ts";
import { selfTest } from "./self-test.ts";

export { ModelError } from "./base/errors.ts";

/**
 * Tries kernels on a small model, each number of each stage beside plain JavaScript's. Importing this also lets `load` take `verify: true`
 * with any backend; Node's entry always does.
 *
 * @returns the largest difference there was, as a part of the number itself where that is more than 1.
 * @throws ModelError with the figure and the first stage that differs by more than `tolerance`.
 */
export async function verify<B>(kernels: Kernels<B>, tolerance?: number): Promise<number> {
  checkKernels("kernels", kernels as Kernels<unknown>);
  return selfTest(inline(kernels), kernels.name, tolerance);
}

addVerifier(async (engine) => {
  await selfTest(engine, "the backend");
});
