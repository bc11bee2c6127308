import type { QuantisedTensor } from "../../src/base/tensor.ts";
import type { Activation } from "../../src/kernels/kernels.ts";
import { activations } from "./float32.ts";

/*
 * Products of whole numbers as the rules put them, one at a time: no tiles, no panels, no bytes packed, and the sums as big integers.
 */
const f = Math.fround;

/** The nearest whole number, ties to even. */
function nearest(x: number): number {
  const low = Math.floor(x);
  const over = x - low;
  return over > 0.5 || (over === 0.5 && low % 2 !== 0) ? low + 1 : low;
}

export interface WholeRow {
  readonly u: readonly number[];
  /** Size of a step. */
  readonly s: number;
  /** What 0 becomes. */
  readonly z: number;
}

/** x' = x · balance; 7 bits: s = (hi - lo) / 127, z = nearest(-lo / s), u = clamp(nearest(x' / s) + z, 0, 127). */
export function quantiseRow(x: Float32Array, balance: Float32Array, bits: 7 | 12): WholeRow {
  const balanced = Array.from(x, (value, k) => f(value * balance[k]));
  const lo = Math.min(0, ...balanced);
  const hi = Math.max(0, ...balanced);
  const most = bits === 7 ? 127 : 2047;
  const range = bits === 7 ? f(hi - lo) : Math.max(hi, -lo);
  const finite = balanced.every(Number.isFinite);
  const s = !finite ? Number.NaN : f(range / most) === 0 ? 1 : f(range / most);
  const z = bits === 7 ? nearest(f(-lo / s)) : 0;
  const least = bits === 7 ? 0 : -most;
  return { u: balanced.map((value) => Math.max(least, Math.min(most, nearest(f(value / s)) + z))), s, z };
}

/** y = act((float32(Σ q·u - z·sum) · s) · scale + bias).   [T,K] -> [T,N] */
export function linear8(
  x: Float32Array,
  { data, shape: [N, K], scale, sum, balance }: QuantisedTensor,
  bias: Float32Array,
  T: number,
  bits: 7 | 12,
  act?: Activation,
): Float32Array {
  const out = new Float32Array(T * N);
  for (let t = 0; t < T; t++) {
    const { u, s, z } = quantiseRow(x.subarray(t * K, (t + 1) * K), balance, bits);
    for (let n = 0; n < N; n++) {
      if (Number.isNaN(s)) {
        out[t * N + n] = Number.NaN;
        continue;
      }
      let total = -BigInt(z) * BigInt(sum[n]);
      for (let k = 0; k < K; k++) total += BigInt(data[n * K + k] * u[k]);
      const y = f(f(f(f(Number(total)) * s) * scale[n]) + bias[n]);
      out[t * N + n] = act === undefined ? y : activations[act](y);
    }
  }
  return out;
}
