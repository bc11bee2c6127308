/**
 * What the pickle of a PyTorch file may say: a dict of names and tensors, each a walk over a storage. After torch/serialization.py and
 * torch/_utils.py.
 *
 *     tensor    REDUCE(torch._utils._rebuild_tensor_v2, (storage, offset, size, stride, requires_grad, hooks))   offset, stride: elements
 *     storage   BINPERSID(("storage", torch.FloatStorage, key, device, elements))                       legacy: one item more, None
 */
import { ModelError } from "../base/errors.ts";
import { type DType, rowMajor, sizeOf } from "../base/tensor.ts";
import { arrayOf } from "./arrays.ts";
import { label } from "./json-text.ts";
import { tooManyTensors } from "./limits.ts";
import { Dict, Global, List, type PickleRules } from "./pickle.ts";
import { AXES } from "./safetensors-header.ts";
import { reach, type Stored } from "./stored.ts";

/** Bytes that tensors point at. */
export class Storage {
  readonly key: string;
  readonly dtype: DType;
  /** Elements. */
  readonly count: number;
  constructor(key: string, dtype: DType, count: number) {
    this.key = key;
    this.dtype = dtype;
    this.count = count;
  }

  get bytes(): number {
    return this.count * arrayOf(this.dtype).BYTES_PER_ELEMENT;
  }
}

/** A tensor: a walk over a storage, in elements. */
class Walk {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  constructor(storage: Storage, offset: number, shape: readonly number[], stride: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.stride = stride;
  }
}

const STORAGES: ReadonlyMap<string, DType> = new Map<string, DType>([
  ["torch.FloatStorage", "float32"],
  ["torch.HalfStorage", "float16"],
  ["torch.BFloat16Storage", "bfloat16"],
  ["torch.DoubleStorage", "float64"],
  ["torch.LongStorage", "int64"],
  ["torch.IntStorage", "int32"],
  ["torch.ShortStorage", "int16"],
  ["torch.CharStorage", "int8"],
  ["torch.ByteStorage", "uint8"],
  ["torch.BoolStorage", "bool"],
  ["torch.storage.UntypedStorage", "uint8"],
]);

const ORDERED_DICT = "collections.OrderedDict";
const TENSOR = "torch._utils._rebuild_tensor_v2";
const PARAMETER = "torch._utils._rebuild_parameter";

export const TORCH_RULES: PickleRules = {
  globals: new Set([ORDERED_DICT, TENSOR, PARAMETER, ...STORAGES.keys()]),
  reduce(name, args) {
    if (name === ORDERED_DICT) return orderedDict(args);
    if (name === PARAMETER) return args.length === 3 && args[0] instanceof Walk ? args[0] : undefined;
    if (name !== TENSOR || args.length < 6 || args.length > 7) return undefined;
    const [storage, offset, shape, stride] = args;
    return storage instanceof Storage &&
      isCount(offset) &&
      areCounts(shape) &&
      areCounts(stride) &&
      shape.length === stride.length
      ? new Walk(storage, offset, shape, stride)
      : undefined;
  },
  persistent(id) {
    const [kind, type, key, device, count, view = null] = id;
    const dtype = type instanceof Global ? STORAGES.get(type.name) : undefined;
    const fits = kind === "storage" && typeof key === "string" && typeof device === "string" && isCount(count);
    // A sixth item that is not None is a view of a storage, which PyTorch 0.3 wrote.
    return fits && dtype !== undefined && id.length < 7 && view === null ? new Storage(key, dtype, count) : undefined;
  },
};

/** Python 3 fills it by SETITEMS; Python 2 gave a list of pairs. */
function orderedDict(args: readonly unknown[]): Dict | undefined {
  const dict = new Dict();
  const all: unknown[] = [];
  if (args.length === 0) return dict;
  if (args.length > 1 || !(args[0] instanceof List)) return undefined;
  for (const pair of args[0].items) {
    const items = pair instanceof List ? pair.items : pair;
    if (!Array.isArray(items) || items.length !== 2) return undefined;
    all.push(...items);
  }
  dict.items = all;
  return dict;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function areCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= AXES && value.every(isCount);
}

/** Where tensors lie: `begin` gives the first byte of a storage, and checks that all of it is there. */
export interface Layout {
  readonly file: string;
  /** Bytes of the file. */
  readonly byteLength: number;
  readonly maxTensors: number;
  begin(storage: Storage, tensor: string): number;
}

/** A file's tensors may have so many times its bytes: tied weights are stored once and count twice. */
const TIED = 2;
/** And reading them may go over so many times its bytes: a strided tensor is read with what lies between its elements. */
const SPANNED = 4;

/**
 * The tensors of a state dict, as unpickled.
 * @throws ModelError naming the tensor that is none, stands twice, or leads out of its storage.
 */
export function readStateDict(value: unknown, { file, byteLength, maxTensors, begin }: Layout): Map<string, Stored> {
  const at = { file, field: "data.pkl" };
  if (!(value instanceof Dict)) {
    throw new ModelError("holds no dict of tensors: save model.state_dict() instead of the model", at);
  }
  const { items } = value;
  if (items.length > 2 * maxTensors) throw tooManyTensors(file, at.field, maxTensors);
  const tensors = new Map<string, Stored>();
  let elements = 0;
  let spans = 0;
  for (let i = 0; i < items.length; i += 2) {
    const [name, walk] = [items[i], items[i + 1]];
    if (typeof name !== "string") throw new ModelError("a tensor's name must be text", { ...at, value: name });
    const field = label(name);
    if (tensors.has(name)) throw new ModelError("stands twice in the dict", { file, field });
    if (!(walk instanceof Walk)) {
      throw new ModelError("is no tensor: save model.state_dict() alone", { file, field });
    }
    const stored = place(walk, begin(walk.storage, field), { file, field });
    tensors.set(name, stored);
    elements += sizeOf(walk.shape) * arrayOf(stored.dtype as DType).BYTES_PER_ELEMENT;
    spans += stored.end - stored.begin;
    // Not "over": what is no number is refused too.
    if (!(elements <= TIED * byteLength && spans <= SPANNED * byteLength)) {
      const [times, of] = elements <= TIED * byteLength ? [SPANNED, "lie over"] : [TIED, "take over"];
      throw new ModelError(`with it the tensors ${of} ${times} times the bytes of the file: refused`, { file, field });
    }
  }
  return tensors;
}

/** A walk as bytes of the file, checked against its storage, which begins at byte `first`. */
function place(walk: Walk, first: number, at: { file: string; field: string }): Stored {
  const { storage, offset, shape, stride } = walk;
  const { dtype, count } = storage;
  const size = arrayOf(dtype).BYTES_PER_ELEMENT;
  const length = reach(shape, stride);
  if (!Number.isSafeInteger(sizeOf(shape)) || !(offset + length <= count)) {
    const problem = `[${shape.slice(0, 8)}] by strides [${stride.slice(0, 8)}] from ${offset} leads out of its storage of ${count}: refused`;
    throw new ModelError(problem, at);
  }
  const begin = first + (length === 0 ? 0 : offset) * size;
  const usual = rowMajor(shape);
  const contiguous = length === 0 || shape.every((n, axis) => n === 1 || stride[axis] === usual[axis]);
  return { dtype, shape, begin, end: begin + length * size, ...(contiguous ? {} : { stride }) };
}
