import { describe, expect, it, vi } from "vitest";
import type { Backend, LateBackend } from "../src/backend.ts";
import { js } from "../src/kernels/js/index.ts";
import type { Kernels } from "../src/kernels/kernels.ts";
import { SentenceTransformer } from "../src/node.ts";
import { tinyFiles } from "./tiny.ts";

/* `backend: "fastest"`: what it takes, what it says, and what it does where a candidate is wrong. Which one is faster no test says. */

const load = (candidates: readonly Backend[] | undefined, options: object = {}): Promise<SentenceTransformer> =>
  SentenceTransformer.load({ files: tinyFiles() }, { backend: "fastest", candidates, threads: 0, ...options });

/** The js kernels, each operation of which takes a while longer. */
function slow(name: string, ms: number): Kernels<Float32Array> {
  return {
    ...js(),
    name,
    attention(...args) {
      for (const end = performance.now() + ms; performance.now() < end; );
      js().attention(...args);
    },
  };
}

describe('backend: "fastest"', () => {
  it("measures within the room there is, however small it was asked to be", async () => {
    const run = vi.fn();
    const own: Kernels<Float32Array> = {
      ...js(),
      name: "own",
      layerNorm(...args) {
        run(args);
        js().layerNorm(...args);
      },
    };
    const model = await load([own], { tokensPerBatch: 5 });
    expect(run).toHaveBeenCalled();
    expect(model.warnings).toEqual([]); // a text that has no room is out of bounds, and leaves the candidate out
    expect(model.backend.name).toBe("own");
    await model.dispose();
  });

  it("says of what it tries by itself, too, why it was left out, but for relaxed WebAssembly", async () => {
    const model = await load(undefined, { wide: true, threads: undefined });
    const left = model.warnings.map((warning) => /leaves (\S+) out/.exec(warning)?.[1]);
    expect(left).not.toContain("wasm-relaxed");
    // Node 20 and 22 have no such vectors.
    if (Number(process.versions.node.split(".")[0]) < 24) expect(left).toEqual(["wasm"]);
    await model.dispose();
  });

  it("measures the CPU's own by default, and tells its figures and its reason", async () => {
    const model = await load(undefined);
    const { figures = [], reason, name } = model.backend;
    expect(figures.map((figure) => figure.name)).toEqual(expect.arrayContaining(["wasm", "js"]));
    for (const { short, large } of figures) {
      expect(short).toBeGreaterThan(0);
      expect(large).toBeGreaterThan(0);
    }
    expect(reason).toMatch(
      new RegExp(
        `^fastest here is ${name}\\. 12 tokens alone, ms: wasm [\\d.]+, .*; tokens/s in large batches: wasm \\d+`,
      ),
    );
    expect(model.warnings).toEqual([]);
    expect(model.identity.backend).toBe(name);
    await model.dispose();
  });

  it("takes the faster one, whichever comes first, and its vectors", async () => {
    const texts = ["잠이 옵니다", "졸음이 옵니다"];
    const plain = await SentenceTransformer.load({ files: tinyFiles() }, { backend: "js" });
    for (const candidates of [
      [slow("slow 1", 20), "js"],
      ["js", slow("slow 2", 20)],
    ] as const) {
      const model = await load(candidates);
      expect(model.backend.name).toBe("js");
      expect(await model.encode(texts)).toEqual(await plain.encode(texts));
      await model.dispose();
    }
    await plain.dispose();
  });

  it("measures once for a kind of model, and remembers", async () => {
    const open = vi.fn<LateBackend["open"]>(async (options) => {
      const { plain } = await import("../src/backend.ts");
      return plain(slow("late", 1) as Kernels<unknown>, options, "late");
    });
    for (const opened of [2, 3]) {
      const model = await load([{ name: "late", kind: "late", open }]);
      expect(open).toHaveBeenCalledTimes(opened); // to measure, and then whenever it is used
      expect(model.backend.name).toBe("late");
      await model.dispose();
    }
  });

  it("leaves out what computes wrongly, or does not run, and warns", async () => {
    const wrong = { ...js(), name: "wrong", linear: () => {} };
    const absent: LateBackend = { name: "absent", open: () => Promise.reject(new Error("is not here")) };
    const told: string[] = [];
    const model = await load([wrong, absent, "js"], { onWarning: (warning: string) => told.push(warning) });
    expect(model.backend.name).toBe("js");
    expect(told).toEqual([
      expect.stringMatching(/^backend: fastest leaves wrong out: the backend computes wrongly here/),
      "backend: fastest leaves absent out: is not here",
    ]);
    expect(model.warnings).toEqual(told);
    await model.dispose();
    const trusted = await load([wrong], { verify: false });
    expect(trusted.backend.name).toBe("wrong");
    await trusted.dispose();
  });

  it("leaves kernels of the caller's own as they are, and goes on with them", async () => {
    let gone = false;
    const mine: Kernels<Float32Array> = {
      ...js(),
      name: "mine",
      dispose: async () => {
        gone = true;
      },
      linear(...args) {
        if (gone) throw new Error("used after dispose");
        js().linear(...args);
      },
    };
    const model = await load([mine]);
    await model.encode("잠이 옵니다");
    await model.dispose();
  });

  it("takes the next where the winner cannot be opened, measured now or before, and tries it again", async () => {
    const { plain } = await import("../src/backend.ts");
    let there = 1;
    const late: LateBackend = {
      name: "shaky",
      kind: "shaky",
      async open(options) {
        if (there-- <= 0) throw new Error("busy for a moment");
        return plain(js() as Kernels<unknown>, options, "late");
      },
    };
    const loadedWith = async (opens: number): Promise<[string, readonly string[]]> => {
      there = opens;
      const model = await load([late, slow("slow 3", 20)], { onWarning: () => {} });
      await model.dispose();
      return [model.backend.name, model.warnings];
    };
    const warning = "backend: fastest leaves shaky out: busy for a moment";
    expect(await loadedWith(1)).toEqual(["slow 3", [warning]]); // measured, and then gone
    expect(await loadedWith(0)).toEqual(["slow 3", [warning]]);
    expect(await loadedWith(2)).toEqual(["js", []]); // a failure is not remembered
    expect(await loadedWith(0)).toEqual(["slow 3", [warning]]); // a winner of before
    expect(await loadedWith(1)).toEqual(["slow 3", [warning]]); // is measured anew, which takes the one there is
  });

  it("measures once for loads at the same time", async () => {
    const { plain } = await import("../src/backend.ts");
    const open = vi.fn<LateBackend["open"]>(async (options) => plain(js() as Kernels<unknown>, options, "late"));
    const models = await Promise.all([1, 2, 3].map(() => load([{ name: "once", kind: "once", open }])));
    expect(open).toHaveBeenCalledTimes(4);
    for (const model of models) await model.dispose();
  });

  it("says so where nothing is left, and of lists that mean nothing", async () => {
    await expect(load([{ ...js(), name: "wrong", linear: () => {} }])).rejects.toThrow(
      /^candidates: none of them runs here: backend: fastest leaves wrong out/,
    );
    await expect(load([])).rejects.toThrow(/^candidates.*must be a list of backends/);
    await expect(load("js" as never)).rejects.toThrow(/^candidates/);
    await expect(load(["fastest"])).rejects.toThrow(/^candidates\[0\] = "fastest": chooses itself/);
    await expect(load(["js", null as never])).rejects.toThrow(/^candidates\[1\]/);
    await expect(
      load(["webgl" as never, "js"], { onWarning: () => {} }).then((model) => model.warnings),
    ).resolves.toEqual([expect.stringMatching(/leaves webgl out: .*is not supported/)]);
  });

  it("measures a model of whole numbers as one", async () => {
    const model = await load(["wasm", "js"], { dtype: "int8" });
    const plain = await SentenceTransformer.load(
      { files: tinyFiles() },
      { dtype: "int8", backend: model.backend.name as "wasm", threads: 0 },
    );
    expect(await model.encode("잠이 옵니다")).toEqual(await plain.encode("잠이 옵니다"));
    await model.dispose();
    await plain.dispose();
  });
});
