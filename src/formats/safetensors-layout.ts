/** Where everything stands in a safetensors file, before it is written: as the reference library (safetensors 0.8) orders it. */
import { ModelError } from "../base/errors.ts";
import { type DType, sizeOf } from "../base/tensor.ts";
import { arrayOf } from "./arrays.ts";
import { label } from "./json-text.ts";
import { limitsOf } from "./limits.ts";
import { STORED_TYPES } from "./safetensors-header.ts";

export interface FileLayout {
  /** The bytes before the data. */
  readonly header: Uint8Array;
  /** First byte of every tensor, in the file. */
  readonly begins: ReadonlyMap<string, number>;
  readonly byteLength: number;
}

/** In the reference's order: its writer sorts by the last first. */
const STORED_NAMES = [...STORED_TYPES.keys()];

/** Where a type stands in that order; below 0 for one that is not written. */
function rankOf(dtype: DType): number {
  return STORED_NAMES.findIndex((stored) => STORED_TYPES.get(stored) === dtype);
}

/**
 * Lays out a file of such tensors: widest type first, then by name. `metadata` stands in the order given (the reference writes two or more
 * keys in no fixed order). `file` names it in messages.
 */
export function layOutFile(
  tensors: ReadonlyMap<string, { readonly dtype: DType; readonly shape: readonly number[] }>,
  metadata: Readonly<Record<string, string>> | undefined,
  file: string,
): FileLayout {
  const sorted = [...tensors].sort(([a, x], [b, y]) => rankOf(y.dtype) - rankOf(x.dtype) || byCodePoint(a, b));
  const members: string[] = [];
  if (metadata !== undefined) members.push(`"__metadata__":${metadataJson(metadata, file)}`);
  const begins = new Map<string, number>();
  let end = 0;
  for (const [name, { dtype, shape }] of sorted) {
    const begin = end;
    end += sizeOf(shape) * arrayOf(dtype).BYTES_PER_ELEMENT;
    begins.set(name, begin);
    const stored = STORED_NAMES[rankOf(dtype)];
    members.push(`${JSON.stringify(name)}:{"dtype":"${stored}","shape":[${shape}],"data_offsets":[${begin},${end}]}`);
  }
  const json = new TextEncoder().encode(`{${members.join(",")}}`);
  const length = Math.ceil(json.length / 8) * 8; // spaces, so that the data begins at a multiple of 8
  if (length > limitsOf().maxHeaderBytes) {
    throw new ModelError("more names than the format's header holds", { file, field: "header length", value: length });
  }
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setUint32(0, length, true);
  header.fill(0, 4, 8);
  header.set(json, 8);
  for (const [name, begin] of begins) begins.set(name, header.length + begin);
  return { header, begins, byteLength: header.length + end };
}

type At = { readonly file: string; readonly field: string };

export function checkName(name: string, at: At): void {
  if (name === "__metadata__")
    throw new ModelError("this name is the format's own: give metadata as the second argument", at);
  if (!isWhole(name)) throw new ModelError("half a surrogate pair in the name cannot be written as UTF-8", at);
}

export function checkType(dtype: DType, { file, field }: At): void {
  if (rankOf(dtype) < 0)
    throw new ModelError("not a type this writes", { file, field: `${field} dtype`, value: dtype });
}

function metadataJson(metadata: Readonly<Record<string, string>>, file: string): string {
  const members: string[] = [];
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string" || !isWhole(key) || !isWhole(value)) {
      throw new ModelError("metadata maps text to text", { file, field: `__metadata__ ${label(key)}`, value });
    }
    members.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`);
  }
  return `{${members.join(",")}}`;
}

/** Whether text can be written as UTF-8: no half of a surrogate pair stands alone. */
function isWhole(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** The order of UTF-8 bytes, which the reference sorts by. UTF-16 order differs from U+E000 on, where pairs sort too low. */
function byCodePoint(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i].codePointAt(0)! - right[i].codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
