import { erfc, tanh } from "../../base/math.ts";
import type { Activation } from "../kernels.ts";

/** The function itself, or undefined where there is none to apply. */
export function activation(act: Activation | undefined): ((x: number) => number) | undefined {
  switch (act) {
    case undefined:
      return undefined;
    case "gelu":
      return gelu;
    case "gelu_tanh":
      return geluTanh;
    case "relu":
      return relu;
  }
}

/** x · Φ(x), as x/2 · erfc(-x/√2): exact in the far tail, where 1 + erf would cancel. Hendrycks and Gimpel 2016. */
export function gelu(x: number): number {
  return 0.5 * x * erfc(-x * Math.SQRT1_2);
}

/** √(2/π) */
const SQRT_2_OVER_PI = 0.7978845608028654;

/** The tanh approximation, for models that were trained with it: `gelu_new` and `gelu_pytorch_tanh`. */
export function geluTanh(x: number): number {
  return 0.5 * x * (1 + tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)));
}

/** A comparison that lets a NaN through. */
export function relu(x: number): number {
  return x < 0 ? 0 : x;
}
