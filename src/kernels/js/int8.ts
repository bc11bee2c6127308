import type { QuantisedTensor, Tensor } from "../../base/tensor.ts";
import type { Activation, Kernels, Linear } from "../kernels.ts";
import { checkInputs } from "../wasm/int8/inputs.ts";
import { type Bits, LARGEST } from "../wasm/int8/layout.ts";
import { ACTIVATIONS } from "./activation.ts";
import { js } from "./index.ts";
import { checkRoom, contiguous, linear, products, sums } from "./linear.ts";

/*
 * Products of whole numbers in plain JavaScript. The tile of float64 sums holds them exactly, so the whole numbers are those of WebAssembly, and
 * so is the scaling, one float32 operation at a time.
 */

const f = Math.fround;

/** A weight of whole numbers as this backend keeps it. */
interface Whole extends Linear<Float32Array> {
  /** [out, in] */
  readonly q: Int8Array;
  /** [out] */
  readonly scale: Float32Array;
}

/** The `js` backend for a model of whole numbers. */
export function js8(bits: Bits): Kernels<Float32Array> {
  return {
    ...js(),
    prepareWhole(weight: QuantisedTensor, bias: Tensor<Float32Array>): Whole {
      const { data, shape, scale, balance } = weight;
      const [out, K] = shape;
      checkInputs(K, bits);
      checkRoom(K);
      return { weight: NONE, q: data, scale, balance, bias: contiguous(bias), in: K, out };
    },
    linear(out, x, w, T, act) {
      if (w.balance === undefined) linear(out, x, w, T, act);
      else linear8(out, x, w as Whole, T, bits, act);
    },
  };
}

const NONE = new Float32Array(0);

function linear8(out: Float32Array, x: Float32Array, w: Whole, T: number, bits: Bits, act?: Activation): void {
  const { in: K, out: N, scale, bias } = w;
  const u = new Float32Array(T * K);
  const s = new Float32Array(T);
  for (let t = 0; t < T; t++) {
    s[t] = quantiseRow(u.subarray(t * K, (t + 1) * K), x.subarray(t * K, (t + 1) * K), w.balance as Float32Array, bits);
  }
  const activation = act && ACTIVATIONS[act];
  products(u, w.q, undefined, T, K, N, (first, rows, n) => {
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < 3 && n + j < N; j++) {
        const y = f(f(f(f(sums[3 * row + j]) * s[first + row]) * scale[n + j]) + bias[n + j]);
        out[(first + row) * N + n + j] = activation === undefined ? y : activation(y);
      }
    }
  });
}

/** The whole numbers of a row, less what 0 becomes; returns the size of a step. The rule stands in wasm/int8/quantise.ts. */
function quantiseRow(u: Float32Array, x: Float32Array, balance: Float32Array, bits: Bits): number {
  const most = LARGEST[bits];
  let [lo, hi, spoilt] = [0, 0, 0];
  for (let k = 0; k < x.length; k++) {
    const v = f(x[k] * balance[k]);
    if (v < lo) lo = v;
    if (v > hi) hi = v;
    spoilt += 0 * v; // 0, but for NaN and infinity
  }
  const step = f((bits === 7 ? f(hi - lo) : Math.max(hi, -lo)) / most);
  const s = (step === 0 ? 1 : step) + spoilt;
  const z = bits === 7 ? nearest(f(-lo / s)) : 0;
  const least = bits === 7 ? -z : -most;
  for (let k = 0; k < x.length; k++) {
    u[k] = Math.max(least, Math.min(most - (bits === 7 ? z : 0), nearest(f(f(x[k] * balance[k]) / s))));
  }
  return s;
}

/** The nearest whole number, ties to even, of less than 2^22. */
function nearest(x: number): number {
  /** 1.5 · 2^23: float32 numbers there are whole ones. */
  const ROUND = 12582912;
  return f(f(x + ROUND) - ROUND);
}
