import type { Activation } from "../kernels.ts";
import { activation, times } from "./code.ts";

/*
 * out[t][n] = act(bias[n] + Σk x[t][k] · weight[n][k]): the product of matrices that is nine tenths of BERT.
 *
 * Weights lie in panels of 64 outputs, [panels][K][64], zeros behind their ends, so that neighbours read neighbours. `tile` is for many
 * tokens: a workgroup makes 64 x 64 numbers, of which each thread makes 4 x 8 and keeps them in registers of their own, named one by one (an
 * array would be put into memory: a twentieth of the speed). `thin` is for few tokens: eight at a time, and the eight parts of a workgroup
 * share the sum over k, since there are not enough outputs to keep a GPU busy otherwise.
 */

/** Outputs of a panel. */
export const PANEL = 64;
/** Tokens of a tile. */
export const TILE = 64;
/** Numbers of a sum that are in shared memory at once; panels are a multiple of it long. */
export const STEP = 32;
/** Tokens of a thin product. */
export const THIN = 8;

/** What a kernel for products is made for. Sizes come with each layer, so that all layers of a model share two kernels: some drivers take seconds for one. */
export interface LinearKernel {
  /** The number of inputs is a multiple of 4: they are read four at a time. Thin products are for these only. */
  readonly fours: boolean;
  /** The number of inputs is a multiple of `STEP`: none are behind the end. */
  readonly steps: boolean;
  /** The number of outputs is a multiple of 4: they are written four at a time. */
  readonly foursOut: boolean;
  readonly act: Activation | undefined;
  /** Weights are float16, two in 32 bits, computed with as float32. */
  readonly half: boolean;
}

/** Rows of a panel: the number of inputs, and zeros. */
export function rowsOf(K: number): number {
  return Math.ceil(K / STEP) * STEP;
}

/** A layer as its kernel is told of it: inputs, outputs in all, the first output of this weight, rows of a panel. */
export function shapeOf(K: number, N: number, first: number): Uint32Array {
  return new Uint32Array([K, N, first, rowsOf(K)]);
}

function shared({ fours, foursOut, act, half }: LinearKernel): string {
  return `
    struct Sizes { tokens: u32 }
    struct Shape { K: u32, N: u32, first: u32, rows: u32 }
    @group(0) @binding(0) var<storage, read_write> out: array<${foursOut ? "vec4f" : "f32"}>;
    @group(0) @binding(1) var<storage, read> x: array<${fours ? "vec4f" : "f32"}>;
    @group(0) @binding(2) var<storage, read> weight: array<${half ? "vec2u" : "vec4f"}>;
    @group(0) @binding(3) var<storage, read> bias: array<vec4f>;
    @group(0) @binding(4) var<uniform> sizes: Sizes;
    @group(0) @binding(5) var<uniform> shape: Shape;
    ${activation(act)}
    fn weightAt(i: u32) -> vec4f {
      ${half ? "let h = weight[i]; return vec4f(unpack2x16float(h.x), unpack2x16float(h.y));" : "return weight[i];"}
    }
    // Writes four outputs of a token; those behind the end are not there.
    fn store(t: u32, n: u32, y: vec4f) {
      ${
        foursOut
          ? "if (n < shape.N) { out[(t * shape.N + n) / 4] = y; }"
          : times(4, (i) => `if (n + ${i} < shape.N) { out[t * shape.N + n + ${i}] = y[${i}]; }`)
      }
    }`;
}

/** Four inputs of a token from the k-th on; those behind the end are 0. */
function inputs({ fours, steps }: LinearKernel): string {
  const one = (i: number): string => `select(0.0, x[t * shape.K + min(k + ${i}, shape.K - 1)], k + ${i} < shape.K)`;
  const four = fours ? "x[(t * shape.K + k) / 4]" : `vec4f(${[0, 1, 2, 3].map(one).join(", ")})`;
  const guard = fours && !steps ? "if (k >= shape.K) { return vec4f(); }" : "";
  return `fn inputsAt(t: u32, k: u32) -> vec4f { ${guard} return ${four}; }`;
}

export function tile(kernel: LinearKernel): string {
  const size = (STEP * PANEL) / 4;
  return `
    ${shared(kernel)}
    ${inputs(kernel)}
    var<workgroup> xs: array<vec4f, ${size}>; // [${STEP}][64 tokens]
    var<workgroup> ws: array<vec4f, ${size}>; // [${STEP}][64 outputs]

    @compute @workgroup_size(128)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) i: u32) {
      let panel = group.x;
      let firstToken = group.y * 64;
      // As a maker of outputs: tokens 4 ty … 4 ty + 3, outputs 4 tx … and 32 + 4 tx …
      let tx = i % 8;
      let ty = i / 8;
      // As a carrier: inputs 4 lx … 4 lx + 3 of tokens 4 ly … 4 ly + 3. Tokens behind the last are read from it, and never written.
      let lx = i / 16;
      let ly = i % 16;
      let last = sizes.tokens - 1;
      ${times(4, (r) => `let t${r} = min(firstToken + 4 * ly + ${r}, last);`)}
      ${times(4, (r) => `var a${r} = vec4f(); var b${r} = vec4f();`)}
      for (var k = 0u; k < shape.rows; k += ${STEP}) {
        ${times(4, (r) => `let x${r} = inputsAt(t${r}, k + 4 * lx);`)}
        ${times(4, (c) => `xs[(4 * lx + ${c}) * 16 + ly] = vec4f(x0[${c}], x1[${c}], x2[${c}], x3[${c}]);`)}
        let start = (panel * shape.rows + k) * 16 + i;
        ${times(4, (c) => `ws[i + ${128 * c}] = weightAt(start + ${128 * c});`)}
        workgroupBarrier();
        for (var j = 0u; j < ${STEP}; j++) {
          let x = xs[j * 16 + ty];
          let a = ws[j * 16 + tx];
          let b = ws[j * 16 + 8 + tx];
          ${times(4, (r) => `a${r} = fma(vec4f(x[${r}]), a, a${r}); b${r} = fma(vec4f(x[${r}]), b, b${r});`)}
        }
        workgroupBarrier();
      }
      let ba = bias[panel * 16 + tx];
      let bb = bias[panel * 16 + 8 + tx];
      let n = shape.first + panel * 64 + 4 * tx;
      ${times(
        4,
        (r) => `{
          let t = firstToken + 4 * ty + ${r};
          if (t <= last) { store(t, n, activate(a${r} + ba)); store(t, n + 32, activate(b${r} + bb)); }
        }`,
      )}
    }`;
}

export function thin(kernel: LinearKernel): string {
  return `
    ${shared(kernel)}
    var<workgroup> sums: array<vec4f, ${8 * THIN * 16}>; // [8 parts][8 tokens][64 outputs]

    @compute @workgroup_size(128)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) i: u32) {
      let panel = group.x;
      let firstToken = group.y * ${THIN};
      let tx = i % 16;
      let part = i / 16;
      let fours = shape.K / 4;
      ${times(THIN, (r) => `let t${r} = min(firstToken + ${r}, sizes.tokens - 1) * fours; var a${r} = vec4f();`)}
      for (var k = part; k < fours; k += 8) {
        let start = (panel * shape.rows + 4 * k) * 16 + tx;
        ${times(4, (c) => `let w${c} = weightAt(start + ${16 * c});`)}
        ${times(
          THIN,
          (r) => `let x${r} = x[t${r} + k];
          ${times(4, (c) => `a${r} = fma(vec4f(x${r}[${c}]), w${c}, a${r});`)}`,
        )}
      }
      ${times(THIN, (r) => `sums[(part * ${THIN} + ${r}) * 16 + tx] = a${r};`)}
      workgroupBarrier();
      // Thread (part, tx) adds up what the parts have of the token numbered as its part.
      var y = bias[panel * 16 + tx];
      for (var p = 0u; p < 8; p++) { y += sums[(p * ${THIN} + part) * 16 + tx]; }
      let t = firstToken + part;
      if (t < sizes.tokens) { store(t, shape.first + panel * 64 + 4 * tx, activate(y)); }
    }`;
}
