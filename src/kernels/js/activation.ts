import { gelu, geluTanh, relu } from "../../base/activations.ts";
import type { Activation } from "../kernels.ts";

/** The functions themselves. */
export const ACTIVATIONS: Readonly<Record<Activation, (x: number) => number>> = { gelu, gelu_tanh: geluTanh, relu };
