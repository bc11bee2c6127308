import { openPytorch } from "./formats/pytorch.ts";
import { addReader } from "./open-tensors.ts";

/** The reader of PyTorch's files, usable alone. Importing it also lets `load` take models whose weights are a `pytorch_model.bin`. */
export * from "./formats/pytorch.ts";

addReader("pytorch_model.bin", openPytorch);
