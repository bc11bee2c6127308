import { transpose } from "./03-transposed.ts";
import type { Rung } from "./rung.ts";

/** Numbers of a slot; the fourth is not used, so that a slot begins at a multiple of 32 bytes. */
const SLOT = 4;

/** [rows, K] as tiles of three rows side by side, [rows / 3][K][4], and as doubles: JavaScript computes with those, and each is widened once. */
function pack(from: Float32Array, rows: number, K: number, to = new Float64Array((rows / 3) * K * SLOT)): Float64Array {
  for (let i = 0; i < rows; i++) {
    const at = Math.floor(i / 3) * K * SLOT + (i % 3);
    for (let k = 0; k < K; k++) to[at + k * SLOT] = from[i * K + k];
  }
  return to;
}

/** The operands are copied so that a tile reads one stream of each: one pointer for three rows, no conversion in the loop. */
export const packedPanels: Rung = {
  name: "packed panels",
  idea: "operands copied in the order in which they are read, widened once",
  make(b, { M, K, N }) {
    const bt = transpose(b, K, N);
    const panels = pack(bt, N, K);
    const tiles = new Float64Array((M / 3) * K * SLOT);
    return {
      run(a, c) {
        pack(a, M, K, tiles);
        for (let j = 0; j < N; j += 3) {
          for (let i = 0; i < M; i += 3) {
            let [s00, s01, s02, s10, s11, s12, s20, s21, s22] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
            const x = (i / 3) * K * SLOT;
            const w = (j / 3) * K * SLOT;
            for (let k = 0; k < K * SLOT; k += SLOT) {
              const a0 = tiles[x + k];
              const a1 = tiles[x + k + 1];
              const a2 = tiles[x + k + 2];
              const b0 = panels[w + k];
              const b1 = panels[w + k + 1];
              const b2 = panels[w + k + 2];
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
