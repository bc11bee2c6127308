/**
 * safetensors files, read and written: the whole format, on any runtime, with every check. Usable alone as `munjang/safetensors`.
 *
 *     const weights = await openSafetensors(await (await fetch(url)).arrayBuffer());
 *     const table = await weights.readFloat32("embeddings.word_embeddings.weight");   // { data, shape, stride, offset, dtype }
 *
 * Opening reads the header alone; every tensor is a read of its own, so peak memory is one tensor. Nothing in a file is executed, and
 * what a file claims is checked against its length before anything is allocated for it.
 */
import type { ByteSource } from "../base/bytes.ts";
import { fail } from "../base/errors.ts";
import { type FormatLimits, limitsOf } from "./limits.ts";
import { parseHeader } from "./safetensors-header.ts";
import { mistaken, readBytes, type StoredTensors, sourceOf, storedTensors } from "./stored.ts";

export type { ByteSource } from "../base/bytes.ts";
export { ModelError } from "../base/errors.ts";
export type { DType, Tensor, TensorData, TensorInfo } from "../base/tensor.ts";
export type { FormatLimits } from "./limits.ts";
export { writeSafetensors } from "./safetensors-writer.ts";
export type { Stored, StoredTensors } from "./stored.ts";

/** An open file. `tensors` are in the order of their data; a `dtype` JavaScript has no array for keeps its own name, `F8_E4M3`. */
export interface Safetensors extends StoredTensors {
  /** The text the writer put beside the tensors, such as `format: pt`. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Opens a file by reading its header. `file` names it in messages.
 * @throws ModelError saying which rule of the format is broken, and where; for headers beyond `limits`, before they are parsed.
 */
export async function openSafetensors(
  bytes: ByteSource | Uint8Array,
  file: string = "model.safetensors",
  limits?: FormatLimits,
): Promise<Safetensors> {
  const source = sourceOf(bytes);
  const { byteLength } = source;
  const { maxHeaderBytes, maxTensors } = limitsOf(limits);
  if (!Number.isSafeInteger(byteLength) || byteLength < 8) {
    fail(file, "byteLength", "too short for a safetensors file", byteLength);
  }
  const start = await readBytes(source, 0, 8, file, "the first 8 bytes");
  const dataStart = 8 + checkLength(start, byteLength, file, maxHeaderBytes);
  const headerBytes = await readBytes(source, 8, dataStart, file, "header");
  const { metadata, tensors } = parseHeader(headerBytes, dataStart, byteLength, file, maxTensors);
  return { ...storedTensors(source, file, tensors), metadata };
}

/** N, the length of the header, checked against the file and the limit before anything is allocated. */
function checkLength(start: ArrayBuffer, byteLength: number, file: string, most: number): number {
  const stated = new DataView(start).getBigUint64(0, true);
  if (stated <= most && 8 + Number(stated) <= byteLength) return Number(stated);
  // What people do open by mistake begins with letters, which read as a length of 10^18 and more.
  const first = new Uint8Array(start);
  const problem = first[0] === 0x50 && first[1] === 0x4b ? "this is a zip file (a PyTorch model?)" : mistaken(first);
  if (problem !== undefined) fail(file, "the first bytes", problem);
  const why =
    stated > most
      ? `over the limit of ${most} bytes: not a safetensors file, or raise maxHeaderBytes`
      : `the file has ${byteLength} bytes: it is cut short, fetch the file again`;
  return fail(file, "header length", why, stated);
}
