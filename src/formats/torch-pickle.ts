/**
 * What the pickle of a PyTorch file may say: a dict of names and tensors, each a walk over a storage. After torch/serialization.py and
 * torch/_utils.py.
 *
 *     tensor    REDUCE(torch._utils._rebuild_tensor_v2, (storage, offset, size, stride, requires_grad, hooks))   offset, stride: elements
 *     storage   BINPERSID(("storage", torch.FloatStorage, key, device, elements))                       legacy: one item more, None
 */
import { ModelError } from "../base/errors.ts";
import { AXES, sizeOf } from "../base/tensor.ts";
import { label } from "./json-text.ts";
import { tooManyTensors } from "./limits.ts";
import { Dict, Global, List, type PickleRules } from "./pickle.ts";
import { isContiguous, planOf, reach, type Walk } from "./strided.ts";

/** An element type: its name here, and its bytes. One that JavaScript has no array for is called what safetensors calls it. */
type ElementType = readonly [dtype: string, size: number];

/** Bytes that tensors point at. */
export class Storage {
  readonly key: string;
  readonly type: ElementType;
  /** Elements. */
  readonly count: number;
  constructor(key: string, type: ElementType, count: number) {
    this.key = key;
    this.type = type;
    this.count = count;
  }

  get bytes(): number {
    return this.count * this.type[1];
  }
}

/** A tensor: a walk over a storage, in elements. */
class View {
  readonly storage: Storage;
  readonly type: ElementType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  constructor(
    storage: Storage,
    type: ElementType,
    offset: number,
    shape: readonly number[],
    stride: readonly number[],
  ) {
    this.storage = storage;
    this.type = type;
    this.offset = offset;
    this.shape = shape;
    this.stride = stride;
  }
}

const STORAGES: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["torch.FloatStorage", ["float32", 4]],
  ["torch.HalfStorage", ["float16", 2]],
  ["torch.BFloat16Storage", ["bfloat16", 2]],
  ["torch.DoubleStorage", ["float64", 8]],
  ["torch.LongStorage", ["int64", 8]],
  ["torch.IntStorage", ["int32", 4]],
  ["torch.ShortStorage", ["int16", 2]],
  ["torch.CharStorage", ["int8", 1]],
  ["torch.ByteStorage", ["uint8", 1]],
  ["torch.BoolStorage", ["bool", 1]],
  ["torch.ComplexFloatStorage", ["C64", 8]],
  ["torch.ComplexDoubleStorage", ["C128", 16]],
  ["torch.storage.UntypedStorage", ["uint8", 1]],
]);

/** Types that have no storage of their own: their tensors say what they are, over bytes. */
const TYPES: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["torch.uint16", ["uint16", 2]],
  ["torch.uint32", ["uint32", 4]],
  ["torch.uint64", ["uint64", 8]],
  ["torch.complex32", ["C32", 4]],
  ["torch.float8_e4m3fn", ["F8_E4M3", 1]],
  ["torch.float8_e5m2", ["F8_E5M2", 1]],
  ["torch.float8_e4m3fnuz", ["F8_E4M3FNUZ", 1]],
  ["torch.float8_e5m2fnuz", ["F8_E5M2FNUZ", 1]],
  ["torch.float8_e8m0fnu", ["F8_E8M0", 1]],
]);

const ORDERED_DICT = "collections.OrderedDict";
const TENSOR = "torch._utils._rebuild_tensor_v2";
/** As TENSOR, with the type as a seventh item; an eighth is metadata, as TENSOR's seventh. */
const TYPED_TENSOR = "torch._utils._rebuild_tensor_v3";
const PARAMETER = "torch._utils._rebuild_parameter";
/** As PARAMETER, with attributes of the parameter as a fourth item, which say nothing about its numbers. */
const PARAMETER_WITH_STATE = "torch._utils._rebuild_parameter_with_state";

export const TORCH_RULES: PickleRules = {
  globals: new Set([
    ...[ORDERED_DICT, TENSOR, TYPED_TENSOR, PARAMETER, PARAMETER_WITH_STATE],
    ...STORAGES.keys(),
    ...TYPES.keys(),
  ]),
  reduce(name, args) {
    const { length } = args;
    if (name === ORDERED_DICT) return orderedDict(args);
    if (name === PARAMETER || name === PARAMETER_WITH_STATE) {
      return args[0] instanceof View && length === (name === PARAMETER ? 3 : 4) ? args[0] : undefined;
    }
    const typed = name === TYPED_TENSOR;
    if ((!typed && name !== TENSOR) || length < (typed ? 7 : 6) || length > (typed ? 8 : 7)) return undefined;
    const [storage, offset, shape, stride, , , named] = args;
    if (!(storage instanceof Storage)) return undefined;
    const type = !typed ? storage.type : named instanceof Global ? TYPES.get(named.name) : undefined;
    const fits = isCount(offset) && areCounts(shape) && areCounts(stride) && shape.length === stride.length;
    return fits && type !== undefined ? new View(storage, type, offset, shape, stride) : undefined;
  },
  persistent(id) {
    const [kind, named, key, device, count, view = null] = id;
    const type = named instanceof Global ? STORAGES.get(named.name) : undefined;
    const fits = kind === "storage" && typeof key === "string" && typeof device === "string" && isCount(count);
    // A sixth item that is not None is a view of a storage, which PyTorch 0.3 wrote.
    return fits && type !== undefined && id.length < 7 && view === null ? new Storage(key, type, count) : undefined;
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
export function readStateDict(value: unknown, { file, byteLength, maxTensors, begin }: Layout): Map<string, Walk> {
  const at = { file, field: "data.pkl" };
  if (!(value instanceof Dict)) {
    throw new ModelError("holds no dict of tensors: save model.state_dict() instead of the model", at);
  }
  const { items } = value;
  if (items.length > 2 * maxTensors) tooManyTensors(file, at.field, maxTensors);
  const tensors = new Map<string, Walk>();
  let taken = 0;
  let read = 0;
  for (let i = 0; i < items.length; i += 2) {
    const [name, view] = [items[i], items[i + 1]];
    if (typeof name !== "string") throw new ModelError("a tensor's name must be text", { ...at, value: name });
    const field = label(name);
    if (tensors.has(name)) throw new ModelError("stands twice in the dict", { file, field });
    if (!(view instanceof View)) {
      throw new ModelError("is no tensor: save model.state_dict() alone", { file, field });
    }
    const walk = place(view, begin(view.storage, field), { file, field });
    tensors.set(name, walk);
    taken += sizeOf(walk.shape) * walk.size;
    read += isContiguous(walk) ? walk.end - walk.begin : planOf(walk).elements * walk.size;
    // Not "over": what is no number is refused too.
    if (!(taken <= TIED * byteLength && read <= SPANNED * byteLength)) {
      const [times, of] = taken <= TIED * byteLength ? [SPANNED, "lie over"] : [TIED, "take over"];
      throw new ModelError(`with it the tensors ${of} ${times} times the bytes of the file: refused`, { file, field });
    }
  }
  return tensors;
}

/** A tensor as bytes of the file, checked against its storage, which begins at byte `first`. */
function place(view: View, first: number, at: { file: string; field: string }): Walk {
  const { storage, offset, shape, stride } = view;
  const [dtype, size] = view.type;
  const count = Math.floor(storage.bytes / size);
  const length = reach(shape, stride);
  if (!Number.isSafeInteger(sizeOf(shape)) || !(offset + length <= count)) {
    const problem = `[${shape.slice(0, 8)}] by strides [${stride.slice(0, 8)}] from ${offset} leads out of its storage of ${count}: refused`;
    throw new ModelError(problem, at);
  }
  const begin = first + (length === 0 ? 0 : offset) * size;
  return { dtype, shape, stride, size, begin, end: begin + length * size };
}
