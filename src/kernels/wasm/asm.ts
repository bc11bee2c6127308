/*
 * WebAssembly written as expressions, with the instruction names of the specification: `f32x4.add(a, b)` is the code that computes a,
 * then b, then adds. A `for` loop of TypeScript around such expressions unrolls; `loop` emits a loop that runs.
 * Only what the kernels need is here.
 */
import {
  type Atomic,
  type Binary,
  type Code,
  code,
  type F32,
  float,
  type I32,
  type Load,
  type Local,
  load,
  type Operand,
  op,
  type Statement,
  type Store,
  simd,
  store,
  type Unary,
  unsigned,
  type V128,
  type ValueType,
} from "./encoding.ts";

export type { Bytes, Code, F32, I32, Local, Statement, V128, ValueType } from "./encoding.ts";
export { unsigned, VALUE_TYPES } from "./encoding.ts";

/** A place to branch to, valid inside the block or loop it was made for. */
export interface Label {
  readonly depth: number;
}

/** Nesting of blocks at the place where code is being built, to turn labels into the relative depths that branches hold. */
let depth = 0;

export const i32 = {
  add: op(0x6a) as Binary<"i32">,
  sub: op(0x6b) as Binary<"i32">,
  mul: op(0x6c) as Binary<"i32">,
  div_u: op(0x6e) as Binary<"i32">,
  rem_u: op(0x70) as Binary<"i32">,
  eq: op(0x46) as Binary<"i32">,
  ne: op(0x47) as Binary<"i32">,
  lt_u: op(0x49) as Binary<"i32">,
  ge_u: op(0x4f) as Binary<"i32">,
  load: load(2, 0x28) as Load<"i32">,
  atomic: {
    load: load(2, 0xfe, 0x10) as Load<"i32">,
    store: store(2, 0xfe, 0x17) as Store<"i32">,
    /** Adds, and leaves what stood there before. */
    rmw_add: store(2, 0xfe, 0x1e) as Atomic,
  },
};

/** Putting threads to sleep and waking them, by an address in shared memory. */
export const memoryAtomic = {
  /** Sleeps while the memory holds the value, without a limit of time (-1, a constant of 64 bits); leaves why it woke. */
  wait32: store(2, 0x42, 0x7f, 0xfe, 0x01) as Atomic,
  /** Wakes up to so many sleepers; leaves how many. */
  notify: store(2, 0xfe, 0x00) as Atomic,
};

export const f32 = {
  load: load(2, 0x2a) as Load<"f32">,
  store: store(2, 0x38) as Store<"f32">,
  const: (value: number): F32 => code(0x43, float(value)),
  convert_i32_u: op(0xb3) as (a: I32) => F32,
  sqrt: op(0x91) as Unary<"f32">,
  add: op(0x92) as Binary<"f32">,
  max: op(0x97) as Binary<"f32">,
  div: op(0x95) as Binary<"f32">,
};

export const v128 = {
  load: load(4, 0xfd, 0x00) as Load<"v128">,
  load32_splat: load(2, 0xfd, 0x09) as Load<"v128">,
  store: store(4, 0xfd, 0x0b) as Store<"v128">,
  and: simd(0x4e) as Binary<"v128">,
  /** a and not b */
  andnot: simd(0x4f) as Binary<"v128">,
};

export const i32x4 = {
  add: simd(0xae) as Binary<"v128">,
  shl: simd(0xab) as (a: V128, by: I32) => V128,
};

export const f32x4 = {
  /** All four lanes a constant. */
  const: (value: number): V128 => code(0xfd, 0x0c, Array(4).fill(float(value))),
  splat: simd(0x13) as (a: F32) => V128,
  extract_lane: (a: V128, lane: number): F32 => op(0xfd, 0x1f, lane)(a),
  add: simd(0xe4) as Binary<"v128">,
  sub: simd(0xe5) as Binary<"v128">,
  mul: simd(0xe6) as Binary<"v128">,
  div: simd(0xe7) as Binary<"v128">,
  /** All ones where a < b, else zeros. */
  lt: simd(0x43) as Binary<"v128">,
  abs: simd(0xe0) as Unary<"v128">,
  /** b < a ? b : a, so that a NaN in `a` stays. */
  pmin: simd(0xea) as Binary<"v128">,
  /** a < b ? b : a, so that a NaN in `a` stays. */
  pmax: simd(0xeb) as Binary<"v128">,
  /** a · b + c, rounded once where the machine has an instruction for it, else twice: its bits are the machine's. */
  relaxed_madd: simd(0x105) as (a: V128, b: V128, c: V128) => V128,
};

/** The variable with the number `index`. */
export function variable<T extends ValueType>(index: number): Local<T> {
  const at = unsigned(index);
  return Object.assign(code(0x20, at), { set: op(0x21, at) });
}

/** Leaves nothing of a value. */
export const drop = op(0x1a) as (value: Code<ValueType>) => Statement;

/** Leaves the function. */
export const leave = op(0x0f) as () => Statement;

/** `{ ... }`; a branch to its label leaves it. */
export function block(body: (end: Label) => readonly Statement[]): Statement {
  return nested(0x02, body);
}

/** A branch to its label starts the body again; without one it is left at its end. */
export function loop(body: (again: Label) => readonly Statement[]): Statement {
  return nested(0x03, body);
}

function nested(opcode: number, body: (label: Label) => readonly Statement[], ...operands: Operand[]): Statement {
  const VOID = 0x40;
  depth++;
  const inside = body({ depth });
  depth--;
  return code(op(opcode, VOID)(...operands), inside, 0x0b);
}

/** `if`. The body is a function because labels count the nesting where code is built. */
export function when(condition: I32, then: () => readonly Statement[]): Statement {
  return nested(0x04, then, condition);
}

export function br(to: Label): Statement {
  return code(0x0c, unsigned(depth - to.depth));
}

export function brIf(to: Label, condition: I32): Statement {
  return op(0x0d, unsigned(depth - to.depth))(condition);
}

/** `for (i = from; i < below; i += step)`, unsigned. */
export function forRange(
  i: Local<"i32">,
  from: I32,
  below: I32,
  step: I32,
  body: () => readonly Statement[],
): Statement {
  return block((end) => [
    i.set(from),
    loop((again) => [brIf(end, i32.ge_u(i, below)), ...body(), advance(i, step), br(again)]),
  ]);
}

/** `while (at != end)`, for a body that moves `at`; it is looked at again at the end of a turn. */
export function until(at: Local<"i32">, end: I32, body: () => readonly Statement[]): Statement {
  return when(i32.ne(at, end), () => [loop((again) => [...body(), brIf(again, i32.ne(at, end))])]);
}

/** `i += by` */
export function advance(i: Local<"i32">, by: I32): Statement {
  return i.set(i32.add(i, by));
}

/** A function of the module, to be called by the ones after it. */
export interface Func {
  readonly index: number;
}

export function call(f: Func, ...args: readonly Operand[]): Statement {
  return op(0x10, unsigned(f.index))(...args);
}
