/** Writes safetensors: byte for byte what the reference library (safetensors 0.8) writes for the same tensors. */
import { ModelError } from "../base/errors.ts";
import { rowMajor, sizeOf, type Tensor } from "../base/tensor.ts";
import { arrayOf } from "./arrays.ts";
import { label } from "./json-text.ts";
import { limitsOf } from "./limits.ts";
import { STORED_TYPES } from "./safetensors-header.ts";

interface Part {
  readonly name: string;
  readonly tensor: Tensor;
  readonly stored: string;
  /** Where the type stands in the reference's order. */
  readonly rank: number;
}

const FILE = "writeSafetensors";
const STORED_NAMES = [...STORED_TYPES.keys()];

/**
 * The bytes of a file holding `tensors`. They are ordered as the reference orders them: widest type first, then by name; a tensor that
 * is not contiguous is gathered. `metadata` stands in the order given (the reference writes two or more keys in no fixed order).
 * @throws ModelError for a name that stands twice or cannot be written, and a tensor whose shape, strides and data disagree.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, Tensor]>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const parts = new Map<string, Part>();
  for (const [name, tensor] of tensors) {
    if (parts.has(name)) throw new ModelError("stands twice: names must differ", { file: FILE, field: label(name) });
    parts.set(name, check(name, tensor));
  }
  const sorted = [...parts.values()].sort((a, b) => b.rank - a.rank || byCodePoint(a.name, b.name));

  const members: string[] = [];
  if (metadata !== undefined) members.push(`"__metadata__":${metadataJson(metadata)}`);
  let end = 0;
  for (const { name, tensor, stored } of sorted) {
    const begin = end;
    end += sizeOf(tensor.shape) * tensor.data.BYTES_PER_ELEMENT;
    members.push(
      `${JSON.stringify(name)}:{"dtype":"${stored}","shape":[${tensor.shape}],"data_offsets":[${begin},${end}]}`,
    );
  }
  const header = new TextEncoder().encode(`{${members.join(",")}}`);
  const headerLength = Math.ceil(header.length / 8) * 8; // spaces, so that the data begins at a multiple of 8
  if (headerLength > limitsOf().maxHeaderBytes) {
    throw new ModelError("more names than the format's header holds", {
      file: FILE,
      field: "header length",
      value: headerLength,
    });
  }

  const bytes = new Uint8Array(8 + headerLength + end);
  new DataView(bytes.buffer).setUint32(0, headerLength, true);
  bytes.set(header, 8);
  bytes.fill(0x20, 8 + header.length, 8 + headerLength);
  let at = 8 + headerLength;
  for (const { tensor } of sorted) at = gather(tensor, bytes, at);
  return bytes;
}

function check(name: string, tensor: Tensor): Part {
  const { data, shape, stride, offset, dtype } = tensor;
  const at = { file: FILE, field: label(String(name)) };
  if (name === "__metadata__")
    throw new ModelError("this name is the format's own: give metadata as the second argument", at);
  if (!isWhole(name)) throw new ModelError("half a surrogate pair in the name cannot be written as UTF-8", at);
  const rank = STORED_NAMES.findIndex((stored) => STORED_TYPES.get(stored) === dtype);
  if (rank < 0) throw new ModelError("not a type this writes", { ...at, field: `${at.field} dtype`, value: dtype });
  if (!(data instanceof arrayOf(dtype))) {
    throw new ModelError(`${dtype} is kept in a ${arrayOf(dtype).name}`, {
      ...at,
      value: Object.prototype.toString.call(data),
    });
  }
  // The least and the greatest element the tensor reaches.
  let least = offset;
  let most = offset;
  let whole = shape.length === stride.length && Number.isSafeInteger(offset);
  for (let axis = 0; axis < shape.length; axis++) {
    whole &&= Number.isSafeInteger(shape[axis]) && shape[axis] >= 0 && Number.isSafeInteger(stride[axis]);
    if (stride[axis] < 0) least += (shape[axis] - 1) * stride[axis];
    else most += (shape[axis] - 1) * stride[axis];
  }
  const size = sizeOf(shape);
  if (!whole || !Number.isSafeInteger(size * 8) || (size > 0 && (least < 0 || most >= data.length))) {
    const problem = `shape [${shape}], strides [${stride}] and offset ${offset} do not fit ${data.length} elements`;
    throw new ModelError(problem, at);
  }
  return { name, tensor, stored: STORED_NAMES[rank], rank };
}

function metadataJson(metadata: Readonly<Record<string, string>>): string {
  const members: string[] = [];
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string" || !isWhole(key) || !isWhole(value)) {
      throw new ModelError("metadata maps text to text", { file: FILE, field: `__metadata__ ${label(key)}`, value });
    }
    members.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`);
  }
  return `{${members.join(",")}}`;
}

/** Copies a tensor's elements, in row-major order, to `bytes` from `at`; returns where they end. */
function gather({ data, shape, stride, offset }: Tensor, bytes: Uint8Array, at: number): number {
  const width = data.BYTES_PER_ELEMENT;
  const from = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const size = sizeOf(shape);
  if (size === 0) return at;
  // Axes from `inner` on lie together in memory; they are copied in one go, [block] elements, for every index of the axes before.
  const packed = rowMajor(shape);
  let inner = shape.length;
  while (inner > 0 && (stride[inner - 1] === packed[inner - 1] || shape[inner - 1] === 1)) inner--;
  const block = sizeOf(shape.slice(inner));
  const index = new Array<number>(inner).fill(0);
  let element = offset;
  for (let left = size / block; left > 0; left--) {
    bytes.set(from.subarray(element * width, (element + block) * width), at);
    at += block * width;
    for (let axis = inner - 1; axis >= 0; axis--) {
      element += stride[axis];
      if (++index[axis] < shape[axis]) break;
      element -= shape[axis] * stride[axis];
      index[axis] = 0;
    }
  }
  return at;
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
