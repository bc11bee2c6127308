import { fastestDot } from "../../src/kernels/wasm/int8/probe.ts";
import { wholeNumbers } from "./11-int16.ts";
import type { Rung } from "./rung.ts";

/** a's rows have 7 bits: four products an instruction and lane, which CPUs with VNNI (or ARM's dot product) have made for this. */
export const int8Dot: Rung = {
  name: "int8 dot",
  idea: "smaller whole numbers: four products where one was",
  roundoff: 2 ** -7,
  make(b, sizes) {
    const dot = fastestDot(7);
    if (dot === "pairs2") throw new Error("this runtime has no relaxed dot product of bytes");
    return wholeNumbers(b, sizes, 7, dot);
  },
};
