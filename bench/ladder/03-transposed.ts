import type { Rung } from "./rung.ts";

/** b is turned once, as it lies in a model's file anyway: both rows of a dot product are walked in order, and the sum stays in a register. */
export const transposed: Rung = {
  name: "transposed dot",
  idea: "both operands in order, the sum in a register",
  make(b, { M, K, N }) {
    const bt = transpose(b, K, N);
    return {
      run(a, c) {
        for (let i = 0; i < M; i++) {
          for (let j = 0; j < N; j++) {
            let sum = 0;
            for (let k = 0; k < K; k++) sum += a[i * K + k] * bt[j * K + k];
            c[i * N + j] = sum;
          }
        }
      },
    };
  },
};

/** [K,N] to [N,K]. */
export function transpose(b: Float32Array, K: number, N: number): Float32Array {
  const bt = new Float32Array(N * K);
  for (let k = 0; k < K; k++) for (let j = 0; j < N; j++) bt[j * K + k] = b[k * N + j];
  return bt;
}
