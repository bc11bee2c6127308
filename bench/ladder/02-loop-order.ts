import type { Rung } from "./rung.ts";

/** The same products, added in another order: k outside, so that the inner loop walks b and c from neighbour to neighbour. */
export const loopOrder: Rung = {
  name: "loop order",
  idea: "walk memory in its own order",
  make: (b, { M, K, N }) => ({
    run(a, c) {
      c.fill(0);
      for (let i = 0; i < M; i++) {
        for (let k = 0; k < K; k++) {
          const x = a[i * K + k];
          for (let j = 0; j < N; j++) c[i * N + j] += x * b[k * N + j];
        }
      }
    },
  }),
};
