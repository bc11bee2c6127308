import { gelu, geluTanh, relu } from "../../base/activations.ts";
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
