import { describe, expect, it, vi } from "vitest";
import { addBackend, type Backend } from "../src/backend.ts";
import type { Tensor } from "../src/base/tensor.ts";
import { reference, wasm } from "../src/kernels/index.ts";
import { js } from "../src/kernels/js/index.ts";
import type { Kernels } from "../src/kernels/kernels.ts";
import { SentenceTransformer } from "../src/node.ts";
import { verify } from "../src/verify.ts";
import { tinyFiles } from "./tiny.ts";

/* A backend is tried on a small model before it is trusted: right ones pass, and each way of being wrong is seen, with the stage where it begins. */

const J = js();
/** The weight without what stands behind input `K`. */
const cut = (weight: Tensor<Float32Array>, K: number): Tensor<Float32Array> => {
  const data = weight.data.slice();
  for (let i = 0; i < data.length; i++) if (i % weight.shape[1] >= K) data[i] = 0;
  return { ...weight, data };
};
/** Kernels that are wrong, and where that is seen first. */
const WRONG: Record<string, [stage: string, kernels: Partial<Kernels<Float32Array>>]> = {
  "sums end after a thousand": ["layer 0 output", { prepare: (weight, bias) => J.prepare(cut(weight, 1000), bias) }],
  "no bias": ["layer 0 qkv", { prepare: (w, b) => J.prepare(w, { ...b, data: new Float32Array(b.data.length) }) }],
  "no activation": ["layer 0 wide", { linear: (out, x, w, T) => J.linear(out, x, w, T) }],
  "tanh for erf": ["layer 0 wide", { linear: (out, x, w, T, act) => J.linear(out, x, w, T, act && "gelu_tanh") }],
  "attention across sentences": [
    "layer 0 context",
    {
      attention: (out, qkv, batch, heads, H) =>
        J.attention(out, qkv, { ...batch, starts: Int32Array.of(0, batch.ids.length) }, heads, H),
    },
  ],
  "one head": ["layer 0 context", { attention: (out, qkv, batch, _, H) => J.attention(out, qkv, batch, 1, H) }],
  "types forgotten": [
    "embeddings",
    {
      embed: (out, x, tables, batch, H) =>
        J.embed(out, x, tables, { ...batch, typeIds: batch.typeIds.map(() => 0) }, H),
    },
  ],
  "no residual": ["layer 0 attention", { layerNorm: (out, x, _, norm, T, H) => J.layerNorm(out, x, null, norm, T, H) }],
  "numbers that are none": ["layer 0 qkv", { linear: (out) => void out.fill(Number.NaN) }],
  "the last token left out": [
    "layer 0 qkv",
    { linear: (out, x, w, T, act) => J.linear(out, x, w, T > 1 ? T - 1 : T, act) },
  ],
  "nothing for few tokens": [
    "layer 0 qkv",
    { linear: (out, x, w, T, act) => (T < 16 ? undefined : J.linear(out, x, w, T, act)) },
  ],
};

describe("verify", () => {
  it.each([
    ["reference", reference],
    ["wasm", wasm],
  ] as const)("passes %s, and tells how far off it was", async (_, make) => {
    const kernels = (await make()) as Kernels<unknown>;
    const off = await verify(kernels);
    expect(off).toBeGreaterThan(0);
    expect(off).toBeLessThan(1e-5);
  });

  it("is off by nothing where both are the same", async () => {
    expect(await verify(js())).toBe(0);
  });

  it.each(Object.keys(WRONG))("refuses: %s", async (what) => {
    const [stage, wrong] = WRONG[what];
    await expect(verify({ ...js(), ...wrong, name: "wrong" })).rejects.toThrow(
      new RegExp(`^backend: wrong computes wrongly here: of a small model ${stage} differs from plain JavaScript by `),
    );
  });

  const load = (backend: Backend, verify = true): Promise<SentenceTransformer> =>
    SentenceTransformer.load({ files: tinyFiles() }, { backend, verify, threads: 0 });

  it.each(["auto", "wasm", "js", "reference"] as const)("is there for who asks: %s", async (backend) => {
    const [asked, plain] = [await load(backend), await load(backend, false)];
    expect(asked.backend).toEqual(plain.backend);
    expect(await asked.encode("잠이 옵니다")).toEqual(await plain.encode("잠이 옵니다"));
    await asked.dispose();
    await plain.dispose();
  });

  it("is there for kernels of one's own, which are refused only then", async () => {
    const wrong = { ...js(), name: "mine", ...WRONG["no bias"][1] };
    await expect(load(wrong)).rejects.toThrow(/^backend: the backend computes wrongly here: .*layer 0 qkv differs/);
    await (await load(wrong, false)).dispose();
    const right = await load(js());
    expect(right.backend.reason).toBe("given by the caller");
    await right.dispose();
    await expect(SentenceTransformer.load({ files: tinyFiles() }, { verify: "yes" as never })).rejects.toThrow(
      /verify/,
    );
  });

  it("names what is missing in kernels that are none", async () => {
    await expect(verify({ name: "x" } as never)).rejects.toThrow(/^kernels\.\w+.*must be a function/);
    await expect(verify({ ...js(), name: "x", read: (async () => {}) as never })).rejects.toThrow(
      /x: read must give a Float32Array/,
    );
  });

  it("lets go of a backend by name that it refuses", async () => {
    const dispose = vi.fn(async () => {});
    addBackend("reference", () => ({ ...js(), ...WRONG["no bias"][1], dispose }) as Kernels<unknown>);
    try {
      await expect(load("reference")).rejects.toThrow(/computes wrongly here/);
      expect(dispose).toHaveBeenCalledTimes(1);
    } finally {
      addBackend("reference", reference as () => Kernels<unknown>);
    }
  });
});
