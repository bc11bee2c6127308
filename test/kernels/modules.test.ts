import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { kernelModule } from "../../src/kernels/wasm/module.ts";
import type { Tile } from "../../src/kernels/wasm/row-tiles.ts";
import { among, markOf, moduleOf, variant } from "../../src/kernels/wasm/variants.ts";
import { hasRelaxed, switchRelaxedOn } from "./relaxed.ts";
import { STRICT_TILES } from "./tiles.ts";

/* Every module this project emits is one to the engine, and asks no more of it than it says. */

const FUSED = STRICT_TILES.map((tile) => ({ ...tile, fused: true }));

/** Every form of a tile's module. */
function forms(tile: Tile): Uint8Array<ArrayBuffer>[] {
  return [false, true].flatMap((shared) =>
    [undefined, "munjang wide 1", "munjang wide 2"].map((mark) => kernelModule(tile, shared, mark)),
  );
}

describe.each(STRICT_TILES)("$rows rows of $vectors vectors, $unroll steps", (tile) => {
  it("is a valid module in every form, without relaxed SIMD", () => {
    for (const bytes of forms(tile)) expect(WebAssembly.validate(bytes)).toBe(true);
  });

  it("differs by its mark in the last section alone, so that no engine takes one for the other", () => {
    for (const shared of [false, true]) {
      const plain = kernelModule(tile, shared);
      const marked = [1, 2].map((n) => kernelModule(tile, shared, `munjang wide ${n}`));
      expect(marked[0]).not.toEqual(marked[1]);
      for (const [i, bytes] of marked.entries()) {
        expect(bytes.subarray(0, plain.length)).toEqual(plain);
        const sections = WebAssembly.Module.customSections(new WebAssembly.Module(bytes), `munjang wide ${i + 1}`);
        expect(sections.map((section) => section.byteLength)).toEqual([0]);
      }
    }
  });

  it("imports one memory, and offers what its kind should", () => {
    for (const shared of [false, true]) {
      const module = new WebAssembly.Module(kernelModule(tile, shared));
      expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
      const names = WebAssembly.Module.exports(module).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names.includes("meet")).toBe(shared);
      // A memory of the other kind does not fit.
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: !shared });
      expect(() => new WebAssembly.Instance(module, { env: { memory } })).toThrow(WebAssembly.LinkError);
    }
  });
});

it("the tiles of this engine are among those tested", () => {
  const strict = STRICT_TILES.map((tile) => ({ ...tile, fused: false }));
  for (const width of [128, 256] as const) {
    expect(strict).toContainEqual(variant("wasm", width).tile);
    expect(FUSED).toContainEqual(variant("wasm-relaxed", width).tile);
  }
});

it("no tile is higher than rows are packed for", () => {
  const own = ([128, 256] as const).map((width) => variant("wasm", width).tile);
  for (const { rows, rowsOfPairs = 0 } of [...own, ...STRICT_TILES]) expect(rowsOfPairs).toBeLessThanOrEqual(rows);
});

describe("wasm-relaxed", () => {
  it("asks for relaxed SIMD: an engine without it refuses the module", () => {
    const relaxed = hasRelaxed(); // not yet switched on where it has to be
    for (const tile of FUSED) for (const bytes of forms(tile)) expect(WebAssembly.validate(bytes)).toBe(relaxed);
  });

  const relaxed = (): boolean => switchRelaxedOn();
  it("is a valid module in every form where the engine has it", ({ skip }) => {
    if (!relaxed()) skip("this engine has no relaxed SIMD, not even behind a flag");
    for (const tile of FUSED) for (const bytes of forms(tile)) expect(WebAssembly.validate(bytes)).toBe(true);
  });
});

it("a compiled module is found though another realm has made it, and what is none is passed over", () => {
  const kind = variant("wasm", 128);
  const bytes = moduleOf(kind, false, markOf(kind));
  const far: WebAssembly.Module = runInNewContext("new WebAssembly.Module(bytes)", { bytes });
  expect(far).not.toBeInstanceOf(WebAssembly.Module);
  const others = [null, {}, "", new WebAssembly.Module(moduleOf(kind, false))] as WebAssembly.Module[];
  expect(among([...others, far], kind)).toBe(far);
  expect(among(others, kind)).toBeUndefined();
});
