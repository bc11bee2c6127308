import { afterEach, expect, it, vi } from "vitest";
import { breathe } from "../../src/base/breathe.ts";

afterEach(() => vi.unstubAllGlobals());

const refused = (): never => {
  throw new Error("A Node.js API is used which is not supported in the Edge Runtime");
};

it("on Vercel's edge runtime, where other timers throw as they are used, a turn is one of setTimeout", async () => {
  vi.stubGlobal("setImmediate", refused);
  vi.stubGlobal("MessageChannel", refused);
  await expect(breathe()).rejects.toThrow("not supported in the Edge Runtime");
  vi.stubGlobal("EdgeRuntime", "edge-runtime");
  let turn = false;
  setTimeout(() => {
    turn = true;
  });
  await breathe();
  expect(turn).toBe(true);
});
