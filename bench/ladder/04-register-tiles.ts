import { transpose } from "./03-transposed.ts";
import type { Rung } from "./rung.ts";

/**
 * Three rows times three columns at a time: nine sums that do not wait for each other, and six numbers read for nine products instead of two for
 * each. Named one by one, because an array of sums would lie in memory. More than nine do not fit the registers beside their operands.
 */
export const registerTiles: Rung = {
  name: "register tiles",
  idea: "nine sums at a time: fewer reads, no waiting",
  make(b, { M, K, N }) {
    const bt = transpose(b, K, N);
    return {
      run(a, c) {
        for (let i = 0; i < M; i += 3) {
          for (let j = 0; j < N; j += 3) {
            let [s00, s01, s02, s10, s11, s12, s20, s21, s22] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
            for (let k = 0; k < K; k++) {
              const a0 = a[i * K + k];
              const a1 = a[(i + 1) * K + k];
              const a2 = a[(i + 2) * K + k];
              const b0 = bt[j * K + k];
              const b1 = bt[(j + 1) * K + k];
              const b2 = bt[(j + 2) * K + k];
              s00 += a0 * b0;
              s01 += a0 * b1;
              s02 += a0 * b2;
              s10 += a1 * b0;
              s11 += a1 * b1;
              s12 += a1 * b2;
              s20 += a2 * b0;
              s21 += a2 * b1;
              s22 += a2 * b2;
            }
            c[i * N + j] = s00;
            c[i * N + j + 1] = s01;
            c[i * N + j + 2] = s02;
            c[(i + 1) * N + j] = s10;
            c[(i + 1) * N + j + 1] = s11;
            c[(i + 1) * N + j + 2] = s12;
            c[(i + 2) * N + j] = s20;
            c[(i + 2) * N + j + 1] = s21;
            c[(i + 2) * N + j + 2] = s22;
          }
        }
      },
    };
  },
};
