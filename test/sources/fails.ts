import { expect } from "vitest";
import { ModelError } from "../../src/base/errors.ts";

/** `work` must reject with a ModelError whose message says all of `parts`. */
export async function fails(work: Promise<unknown>, ...parts: (string | RegExp)[]): Promise<ModelError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error, "nothing was thrown").toBeInstanceOf(ModelError);
  for (const part of parts) expect((error as ModelError).message).toMatch(part);
  return error as ModelError;
}
