import { refuse } from "../../../base/door.ts";
import { type Bits, LARGEST } from "./layout.ts";

/** Sums of products must fit 32 bits, and so must the sum of a column times a zero point. */
export function checkInputs(K: number, bits: Bits): void {
  const most = Math.floor(2147483647 / (127 * LARGEST[bits]));
  if (K > most) {
    refuse("in", `layers of at most ${most} inputs are exact with activations of ${bits} bits; use float32`, K);
  }
}
