/*
 * What runs where a GPU backend is tried, in Node (node.js) and in pages: sentence vectors of the golden models, and a product of its own whose
 * uploads are counted.
 */

/** Vectors of texts, model by model: `models` are [name, texts], each [text, options of encode]. The self-test runs with the first one. */
export async function vectors({ SentenceTransformer }, backend, base, models) {
  const all = {};
  let info;
  for (const [name, texts] of models) {
    const model = await SentenceTransformer.load(`${base}${name}`, { backend, verify: info === undefined });
    info = model.backend;
    all[name] = [];
    for (const [text, options] of texts) all[name].push(Array.from(await model.encode(text, options)));
    await model.dispose();
  }
  return { backend: info, vectors: all };
}

/** The message of what it throws. */
export async function refusal({ SentenceTransformer }, backend, from) {
  try {
    const model = await SentenceTransformer.load(from, { backend });
    await model.dispose();
    return `loaded, with ${model.backend.reason}`;
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}

/**
 * [T,3072] by [96,3072], for one T after the other on one layer: the largest difference from float64, beside what the sums are made of, and how
 * often so many numbers as the weight has went to where gpu.js computes.
 */
export async function product(kernelsOf, lengths) {
  const [K, N] = [3072, 96];
  const random = numbers();
  const [weight, bias] = [random(N * K), random(N)];
  const uploads = counting(N * K);
  const { kernels: k, mode } = await kernelsOf();
  const tensor = (data, shape) => ({ data, shape, stride: [], offset: 0, dtype: "float32" });
  const w = k.prepare(tensor(weight, [N, K]), tensor(bias, [N]));
  const x = k.alloc(Math.max(...lengths) * K);
  const out = k.alloc(Math.max(...lengths) * N);
  // Everything is asked for before anything is done: one pair of buffers, in the order of the calls.
  const asked = [];
  for (const T of lengths) {
    const values = random(T * K);
    k.write(x, values);
    k.linear(out, x, w, T);
    asked.push([T, values, k.read(out, T * N)]);
  }
  const worst = [];
  for (const [T, values, reading] of asked) {
    const got = await reading;
    let most = 0;
    for (let t = 0; t < T; t++) {
      for (let n = 0; n < N; n++) {
        let sum = bias[n];
        for (let i = 0; i < K; i++) sum += values[t * K + i] * weight[n * K + i];
        most = Math.max(most, Math.abs(got[t * N + n] - sum));
      }
    }
    worst.push(most);
  }
  await k.dispose();
  return { mode, worst, uploads: uploads.stop() };
}

function numbers() {
  let state = 1;
  return (length) => {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      values[i] = state / 2147483648;
    }
    return values;
  };
}

/** Counts what takes so many floats along, or half as many more at most (textures are padded), on every way gpu.js has. */
function counting(floats) {
  const undo = [];
  let count = 0;
  const watch = (holder, name, size) => {
    if (holder === undefined) return;
    const original = holder[name];
    holder[name] = function (...all) {
      const bytes = size(...all);
      if (bytes >= 4 * floats && bytes < 6 * floats) count++;
      return original.apply(this, all);
    };
    undo.push(() => {
      holder[name] = original;
    });
  };
  const pixels = (...all) => all.at(-1)?.byteLength ?? 0;
  watch(globalThis.WebGLRenderingContext?.prototype, "texImage2D", pixels);
  watch(globalThis.WebGL2RenderingContext?.prototype, "texImage2D", pixels);
  watch(globalThis.GPUQueue?.prototype, "writeBuffer", (_, __, data) => data.byteLength);
  watch(globalThis.GPUDevice?.prototype, "createBuffer", ({ size, mappedAtCreation }) => (mappedAtCreation ? size : 0));
  // A memory is filled with the constants when it is made.
  const { Memory } = WebAssembly;
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor) {
      super(descriptor);
      if (this.buffer.byteLength >= 4 * floats) count++;
    }
  };
  undo.push(() => {
    WebAssembly.Memory = Memory;
  });
  return {
    stop() {
      for (const back of undo) back();
      return count;
    },
  };
}

/** gpu.js with kernels that are wrong: `source` rewrites what they are made from, `rows` what they give. */
export function broken(library, { source = (text) => text, rows = (given) => given }) {
  class GPU extends library.GPU {
    createKernel(text, settings) {
      const kernel = super.createKernel(source(text), settings);
      const wrong = (x) => {
        const given = kernel(x);
        return typeof given.then === "function" ? given.then(rows) : rows(given);
      };
      return new Proxy(kernel, { apply: (_, __, [x]) => wrong(x) });
    }
  }
  return { ...library, GPU, input: library.input };
}

/** What is wrong with it, by name. */
export const FAULTS = {
  "loops that end after 1000 turns": { source: (text) => text.replace(/k < \d{4}/, "k < 1000") },
  "a last column that is missing": {
    rows: (given) => {
      for (const row of given) if (row.length > 1) row[row.length - 1] = 0;
      return given;
    },
  },
};
