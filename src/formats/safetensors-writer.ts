/** Writes safetensors: byte for byte what the reference library (safetensors 0.8) writes for the same tensors. */
import { ModelError } from "../base/errors.ts";
import { rowMajor, sizeOf, type Tensor } from "../base/tensor.ts";
import { arrayOf } from "./arrays.ts";
import { label } from "./json-text.ts";
import { checkName, checkType, layOutFile } from "./safetensors-layout.ts";

const FILE = "writeSafetensors";

/**
 * The bytes of a file holding `tensors`. They are ordered as the reference orders them: widest type first, then by name; a tensor that
 * is not contiguous is gathered. `metadata` stands in the order given (the reference writes two or more keys in no fixed order).
 * @throws ModelError for a name that stands twice or cannot be written, and a tensor whose shape, strides and data disagree.
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, Tensor]>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  if (typeof tensors?.[Symbol.iterator] !== "function") {
    throw new ModelError("must be a list, or a Map, of names and tensors", { field: "tensors", value: tensors });
  }
  const all = new Map<string, Tensor>();
  for (const [name, tensor] of tensors) {
    if (all.has(name)) throw new ModelError("stands twice: names must differ", { file: FILE, field: label(name) });
    check(name, tensor);
    all.set(name, tensor);
  }
  const { header, begins, byteLength } = layOutFile(all, metadata, FILE);
  const bytes = new Uint8Array(byteLength);
  bytes.set(header);
  for (const [name, tensor] of all) gather(tensor, bytes, begins.get(name) as number);
  return bytes;
}

function check(name: string, tensor: Tensor): void {
  const at = { file: FILE, field: label(String(name)) };
  if (typeof tensor !== "object" || tensor === null) throw new ModelError("must be a tensor", { ...at, value: tensor });
  const { data, shape, stride, offset, dtype } = tensor;
  checkName(name, at);
  checkType(dtype, at);
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
}

/** Copies a tensor's elements, in row-major order, to `bytes` from `at`. */
function gather({ data, shape, stride, offset }: Tensor, bytes: Uint8Array, at: number): void {
  const width = data.BYTES_PER_ELEMENT;
  const from = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const size = sizeOf(shape);
  if (size === 0) return;
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
}
