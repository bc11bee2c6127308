import { check as checkVectors, munjang, onnx } from "./encodes.js";
import { interleaved, timed } from "./measure.js";
import { peakOf } from "./peak.js";
import { check, munjangWasm, munjangWebGpu, operands } from "./products.js";

/* What is measured, wherever it runs: contenders are made, checked, timed in turns, and let go of. */

/** Contenders of one product, compared with the first; what cannot be made, or is wrong, is told and not timed. */
async function compete(makers, given, how, peak) {
  const [right, all] = [[], []];
  for (const [name, make] of Object.entries(makers)) {
    try {
      const one = await make(given);
      const found = { ...check(await one.result(), given, one.half), name: one.name };
      all.push(found);
      if (found.wrong === undefined) right.push(one);
      else await one.dispose();
    } catch (error) {
      all.push({ name, wrong: `${error.message ?? error}`.slice(0, 300) });
    }
  }
  const timed = await interleaved([...right, ...(peak ? [peak] : [])], { base: Object.keys(makers)[0], ...how });
  for (const one of right) await one.dispose();
  const names = new Set(all.map(({ name }) => name));
  return [
    ...all.map((found) => ({ ...found, ...timed.find(({ name }) => name === found.name) })),
    ...timed.filter(({ name }) => !names.has(name)),
  ];
}

/** The products of BERT-base at some numbers of tokens. */
export async function products({ dist, opened, rivals = {}, shapes, tokens, others = true, ...how }) {
  const { device, software } = opened;
  const peak = await peakOf(device, { software });
  const ours = (name, more) => (given) => munjangWebGpu(dist, device, name, given, { software, ...more });
  const makers = {
    "munjang webgpu": ours("munjang webgpu"),
    "munjang webgpu-float16": ours("munjang webgpu-float16", { half: true }),
    ...rivals,
    ...(others && { "munjang wasm, 1 thread": (given) => munjangWasm(dist, given) }),
  };
  const tables = [];
  for (const T of tokens) {
    for (const [K, N] of shapes) {
      const results = await compete(makers, operands(T, K, N), how, peak);
      tables.push({ T, K, N, results });
    }
  }
  peak.dispose();
  return { peak: { gflops: Number(peak.gflops.toPrecision(4)), kernel: peak.what }, tables };
}

/** Which of the two kernels of ours is faster, by tokens. */
export async function crossover({ dist, opened, shapes, tokens, ...how }) {
  const { device, software } = opened;
  const kernel = (name, few) => (given) => munjangWebGpu(dist, device, name, given, { software, few });
  const makers = { tile: kernel("tile", 0), thin: kernel("thin", 2 ** 30) };
  const rows = [];
  for (const [K, N] of shapes) {
    for (const T of tokens) {
      const [tile, thin] = await compete(makers, operands(T, K, N), how);
      rows.push({ T, K, N, tile, thin });
    }
  }
  return rows;
}

/** Sentences through a model: `works` are {name, texts, expected}; `onnxFiles` by name, where that runtime is there. */
export async function encodes({
  SentenceTransformer,
  opened,
  model,
  backends,
  works,
  ort,
  onnxFiles = {},
  sizes = [],
  ...how
}) {
  const makers = backends.map(({ name, gpu, ...options }) => ({
    name,
    half: gpu?.float16,
    // What is no text is opened by the place: `opened` has a function for each kind.
    make: () =>
      munjang(SentenceTransformer, model, name, { ...options, ...(gpu && { backend: opened[gpu.kind](gpu) }) }),
  }));
  for (const [name, file] of Object.entries(onnxFiles)) {
    for (const size of sizes) makers.push({ name, size, make: () => onnx(ort, file, name, size) });
  }
  const tables = works.map(({ name }) => ({ name, results: [] }));
  const alive = [];
  for (const { name, size, half, make } of makers) {
    try {
      alive.push({ ...(await make()), size, half });
    } catch (error) {
      for (const { results } of tables) results.push({ name, wrong: `${error.message ?? error}`.slice(0, 300) });
    }
  }
  for (const [w, { texts, expected }] of works.entries()) {
    const { results } = tables[w];
    const right = new Map();
    for (const one of alive) {
      let found;
      try {
        found = checkVectors(await one.encode(texts), expected, one.half);
      } catch (error) {
        found = { wrong: `${error.message ?? error}`.slice(0, 300) };
      }
      const { name, about, size } = one;
      if (found.wrong !== undefined) {
        if (!results.some((result) => result.name === name)) results.push({ name, ...found });
        continue;
      }
      // Of one rival's batch sizes the best.
      const took = await timed(() => one.encode(texts));
      if (took >= (right.get(name)?.took ?? Number.POSITIVE_INFINITY)) continue;
      const told = { ...found, ...(about && { threads: about.threads, reason: about.reason }), ...(size && { size }) };
      right.set(name, { name, told, took, once: took, run: (n) => repeat(n, () => one.encode(texts)) });
    }
    const timings = await interleaved([...right.values()], { base: makers[0].name, ...how, most: 1 });
    for (const timing of timings) results.push({ ...right.get(timing.name).told, ...timing });
  }
  for (const one of alive) await one.dispose();
  return tables;
}

async function repeat(n, work) {
  for (let i = 0; i < n; i++) await work();
}
