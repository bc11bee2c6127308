import { expect, it } from "vitest";
import { checkFinite } from "../../src/bert/weights.ts";

it.each([Number.NaN, Infinity, -Infinity])("%s is found at every place of every length, and named", (damaged) => {
  for (let length = 1; length < 14; length++) {
    for (let at = 0; at < length; at++) {
      const data = new Float32Array(length).fill(3e38);
      data[at] = damaged;
      expect(() => checkFinite(data, "model.safetensors", "w")).toThrow(
        `model.safetensors: w: element ${at} is ${damaged};`,
      );
    }
  }
});

it("the largest numbers of both signs, and none at all, pass", () => {
  checkFinite(Float32Array.of(3.4028234663852886e38, -3.4028234663852886e38, -0, 1e-45, 0), "model.safetensors", "w");
  checkFinite(new Float32Array(0), "model.safetensors", "w");
});
