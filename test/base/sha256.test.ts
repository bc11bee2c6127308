import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { sha256 } from "../../src/base/sha256.ts";

it.each([0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000])(
  "%i bytes, whole and in parts, as Node hashes them",
  (length) => {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
    const expected = createHash("sha256").update(bytes).digest("hex");
    expect(sha256().update(bytes).hex()).toBe(expected);
    const third = Math.floor(length / 3);
    expect(sha256().update(bytes.subarray(0, third)).update(bytes.subarray(third)).hex()).toBe(expected);
  },
);
