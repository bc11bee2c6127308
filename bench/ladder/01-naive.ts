import type { Rung } from "./rung.ts";

/** The definition, as everybody writes it first: row times column. Each step of the inner loop jumps a whole row of b ahead. */
export const naive: Rung = {
  name: "naive",
  idea: "row times column",
  make: (b, { M, K, N }) => ({
    run(a, c) {
      for (let i = 0; i < M; i++) {
        for (let j = 0; j < N; j++) {
          let sum = 0;
          for (let k = 0; k < K; k++) sum += a[i * K + k] * b[k * N + j];
          c[i * N + j] = sum;
        }
      }
    },
  }),
};
