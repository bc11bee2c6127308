import { erfc, tanh } from "./math.ts";

/** x · Φ(x), as x/2 · erfc(-x/√2): exact in the far tail, where 1 + erf would cancel. Hendrycks and Gimpel 2016. */
export function gelu(x: number): number {
  return 0.5 * x * erfc(-x * Math.SQRT1_2);
}

/** The tanh approximation of `gelu`, 4.7e-4 away at worst: for models that were trained with it, and for no others. */
export function geluTanh(x: number): number {
  /** √(2/π) */
  const SQRT_2_OVER_PI = 0.7978845608028654;
  return 0.5 * x * (1 + tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)));
}

/** The larger of x and 0; a NaN stays one. */
export function relu(x: number): number {
  return Math.max(x, 0);
}
