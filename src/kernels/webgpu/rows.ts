/* What is done to every token's row by itself. */

/** Threads of a row. */
const THREADS = 64;

/** out[t] = (words[t] + position[positions[t]]) + type[typeIds[t]].   [T,H] */
export function embed(H: number): string {
  return `
    @group(0) @binding(0) var<storage, read_write> out: array<f32>;
    @group(0) @binding(1) var<storage, read> words: array<f32>;
    @group(0) @binding(2) var<storage, read> position: array<f32>;
    @group(0) @binding(3) var<storage, read> types: array<f32>;
    @group(0) @binding(4) var<storage, read> tokens: array<vec2u>; // position and type of each

    @compute @workgroup_size(${THREADS})
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) i: u32) {
      let t = group.x;
      let token = tokens[t];
      for (var h = i; h < ${H}; h += ${THREADS}) {
        out[t * ${H} + h] = words[t * ${H} + h] + position[token.x * ${H} + h] + types[token.y * ${H} + h];
      }
    }`;
}

/** Which of `layerNorm`'s inputs there are beside its output, and whether it reads that too: a buffer may not be bound twice. */
export interface LayerNormKernel {
  readonly H: number;
  readonly epsilon: number;
  readonly others: 0 | 1 | 2;
  readonly inPlace: boolean;
}

/** out[t] = gain · (y - mean y) / √(var y + epsilon) + shift, y the sum of the inputs. Two passes: E[y²] - E[y]² loses what is wanted.   [T,H] */
export function layerNorm({ H, epsilon, others, inPlace }: LayerNormKernel): string {
  const inputs = ["first", "second"].slice(0, others);
  const sum = [...(inPlace ? ["out"] : []), ...inputs].map((name) => `${name}[row + h]`).join(" + ");
  return `
    @group(0) @binding(0) var<storage, read_write> out: array<f32>;
    @group(0) @binding(1) var<storage, read> gain: array<f32>;
    @group(0) @binding(2) var<storage, read> shift: array<f32>;
    ${inputs.map((name, i) => `@group(0) @binding(${3 + i}) var<storage, read> ${name}: array<f32>;`).join("\n")}
    var<workgroup> sums: array<f32, ${THREADS}>;

    fn sumOfAll(i: u32, mine: f32) -> f32 {
      sums[i] = mine;
      workgroupBarrier();
      for (var half = ${THREADS / 2}u; half > 0; half /= 2) {
        if (i < half) { sums[i] += sums[i + half]; }
        workgroupBarrier();
      }
      let all = sums[0];
      workgroupBarrier();
      return all;
    }

    @compute @workgroup_size(${THREADS})
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) i: u32) {
      let row = group.x * ${H};
      var sum = 0.0;
      for (var h = i; h < ${H}; h += ${THREADS}) {
        let y = ${sum};
        out[row + h] = y;
        sum += y;
      }
      let mean = sumOfAll(i, sum) / ${H}.0;
      var squares = 0.0;
      for (var h = i; h < ${H}; h += ${THREADS}) {
        let off = out[row + h] - mean;
        squares += off * off;
      }
      // Not the built-in inverseSqrt: drivers may be 2 ulp off there, and with 0 + 1e-12 beyond.
      let scale = 1.0 / sqrt(sumOfAll(i, squares) / ${H}.0 + ${epsilon.toExponential()});
      for (var h = i; h < ${H}; h += ${THREADS}) {
        out[row + h] = gain[h] * ((out[row + h] - mean) * scale) + shift[h];
      }
    }`;
}
