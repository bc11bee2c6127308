import { fail } from "../base/errors.ts";

/** What a file may claim about itself before anything is read on its word. Raise a limit only for a file you trust. */
export interface FormatLimits {
  /** Bytes of what describes the tensors: the header of a safetensors file, the pickle and the directory of a PyTorch file, an index of shards. Default 100,000,000. */
  readonly maxHeaderBytes?: number;
  /** Tensors in one file. Default 100,000. Names and other text may have a hundred bytes for each. */
  readonly maxTensors?: number;
}

/** The limits with their defaults; 100 MB is that of the reference reader of safetensors. */
export function limitsOf(limits: FormatLimits = {}): Required<FormatLimits> {
  const { maxHeaderBytes = 100_000_000, maxTensors = 100_000 } = limits;
  return { maxHeaderBytes, maxTensors };
}

/**
 * Bytes of text for each tensor that is allowed. Names have sixty; the rest is for metadata. One character that is not Latin makes a string
 * of 100 MB take 200 in memory, so that headers must not be text to their last byte.
 */
export const TEXT = 100;

export function tooManyTensors(file: string, field: string, most: number): never {
  tooMuch(`more than ${most} tensors`, file, field);
}

export function tooMuch(what: string, file: string, field: string): never {
  fail(file, field, `${what}: raise maxTensors if you trust the file`);
}
