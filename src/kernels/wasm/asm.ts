/*
 * WebAssembly written as expressions, with the instruction names of the specification: `f32x4.add(a, b)` is the code that computes a,
 * then b, then adds. A `for` loop of TypeScript around such expressions unrolls; `loop` emits a loop that runs.
 *
 * Only what the kernels need is here. The binary format: WebAssembly Core Specification 2.0, chapter 5.
 */

export type ValueType = "i32" | "f32" | "v128";

/** Nested, so that building a tree of code copies nothing; flattened once, when the function is done. */
export type Bytes = number | readonly Bytes[];

/** Code that leaves one value of a type behind, or none. */
export interface Code<T extends ValueType | "void"> {
  readonly type: T;
  readonly bytes: Bytes;
}

/** A whole number stands for the constant. */
export type I32 = Code<"i32"> | number;
export type F32 = Code<"f32">;
export type V128 = Code<"v128">;
export type Statement = Code<"void">;

/** A parameter or local variable; as an expression, its value. */
export interface Local<T extends ValueType> extends Code<T> {
  set(value: Code<T> | (T extends "i32" ? number : never)): Statement;
}

/** A place to branch to, valid inside the block or loop it was made for. */
export interface Label {
  readonly depth: number;
}

export const VALUE_TYPES: Record<ValueType, number> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };
const VOID = 0x40;

/** Nesting of blocks at the place where code is being built, to turn labels into the relative depths that branches hold. */
let depth = 0;

export function code<T extends ValueType | "void">(type: T, ...bytes: Bytes[]): Code<T> {
  return { type, bytes };
}

export function int(value: I32): Bytes {
  return typeof value === "number" ? [0x41, signed(value)] : value.bytes;
}

/** Unsigned LEB128: seven bits a byte, the lowest first, the top bit set on all but the last. */
export function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

/** Signed LEB128 of a 32-bit number. */
export function signed(value: number): number[] {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}

/** Natural alignment as a power of two, then the constant offset added to the address. */
function memory(align: number, offset: number): Bytes {
  return [align, unsigned(offset)];
}

type Load<T extends ValueType> = (address: I32, offset?: number) => Code<T>;
type Store<T extends ValueType> = (address: I32, value: T extends "i32" ? I32 : Code<T>, offset?: number) => Statement;

function load<T extends ValueType>(type: T, opcode: Bytes, align: number): Load<T> {
  return (address, offset = 0) => code(type, int(address), opcode, memory(align, offset));
}

function store<T extends ValueType>(opcode: Bytes, align: number): Store<T> {
  return (address, value, offset = 0) =>
    code("void", int(address), typeof value === "number" ? int(value) : value.bytes, opcode, memory(align, offset));
}

type I32Binary = (a: I32, b: I32) => Code<"i32">;
type F32Binary = (a: F32, b: F32) => F32;
type Unary = (a: V128) => V128;
type Binary = (a: V128, b: V128) => V128;

function i32Binary(opcode: number): I32Binary {
  return (a, b) => code("i32", int(a), int(b), opcode);
}

function f32Binary(opcode: number): F32Binary {
  return (a, b) => code("f32", a.bytes, b.bytes, opcode);
}

function simd(opcode: number): Bytes {
  return [0xfd, unsigned(opcode)];
}

function unary(opcode: number): Unary {
  return (a) => code("v128", a.bytes, simd(opcode));
}

function binary(opcode: number): Binary {
  return (a, b) => code("v128", a.bytes, b.bytes, simd(opcode));
}

export const i32 = {
  add: i32Binary(0x6a) as I32Binary,
  sub: i32Binary(0x6b) as I32Binary,
  mul: i32Binary(0x6c) as I32Binary,
  div_u: i32Binary(0x6e) as I32Binary,
  rem_u: i32Binary(0x70) as I32Binary,
  eq: i32Binary(0x46) as I32Binary,
  ne: i32Binary(0x47) as I32Binary,
  lt_u: i32Binary(0x49) as I32Binary,
  ge_u: i32Binary(0x4f) as I32Binary,
  /** 1 if the value is 0, else 0. */
  eqz: (a: I32): Code<"i32"> => code("i32", int(a), 0x45),
  load: load("i32", 0x28, 2) as Load<"i32">,
  atomic: {
    load: load("i32", [0xfe, 0x10], 2) as Load<"i32">,
    store: store<"i32">([0xfe, 0x17], 2) as Store<"i32">,
    /** Adds, and leaves what stood there before. */
    rmw_add: (address: I32, value: I32, offset = 0): Code<"i32"> =>
      code("i32", int(address), int(value), [0xfe, 0x1e], memory(2, offset)),
  },
};

/** Putting threads to sleep and waking them, by an address in shared memory. */
export const memoryAtomic = {
  /** Sleeps while the memory holds `expected`, without a limit of time; leaves why it woke. */
  wait32: (address: I32, expected: I32, offset = 0): Code<"i32"> =>
    code("i32", int(address), int(expected), [0x42, 0x7f], [0xfe, 0x01], memory(2, offset)),
  /** Wakes up to `count` sleepers; leaves how many. */
  notify: (address: I32, count: I32, offset = 0): Code<"i32"> =>
    code("i32", int(address), int(count), [0xfe, 0x00], memory(2, offset)),
};

export const f32 = {
  load: load("f32", 0x2a, 2) as Load<"f32">,
  store: store<"f32">(0x38, 2) as Store<"f32">,
  const: (value: number): F32 => code("f32", 0x43, float(value)),
  convert_i32_u: (a: I32): F32 => code("f32", int(a), 0xb3),
  sqrt: (a: F32): F32 => code("f32", a.bytes, 0x91),
  add: f32Binary(0x92) as F32Binary,
  sub: f32Binary(0x93) as F32Binary,
  max: f32Binary(0x97) as F32Binary,
  mul: f32Binary(0x94) as F32Binary,
  div: f32Binary(0x95) as F32Binary,
};

/** The four bytes of a float32. */
function float(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

export const v128 = {
  load: load("v128", simd(0x00), 4) as Load<"v128">,
  load32_splat: load("v128", simd(0x09), 2) as Load<"v128">,
  store: store<"v128">(simd(0x0b), 4) as Store<"v128">,
  and: binary(0x4e) as Binary,
  /** a and not b */
  andnot: binary(0x4f) as Binary,
};

export const i32x4 = {
  add: binary(0xae) as Binary,
  shl: (a: V128, by: I32): V128 => code("v128", a.bytes, int(by), simd(0xab)),
};

export const f32x4 = {
  /** All four lanes a constant. */
  const: (value: number): V128 => code("v128", simd(0x0c), [float(value), float(value), float(value), float(value)]),
  splat: (a: F32): V128 => code("v128", a.bytes, simd(0x13)),
  extract_lane: (a: V128, lane: number): F32 => code("f32", a.bytes, simd(0x1f), lane),
  add: binary(0xe4) as Binary,
  sub: binary(0xe5) as Binary,
  mul: binary(0xe6) as Binary,
  div: binary(0xe7) as Binary,
  /** All ones where a < b, else zeros. */
  lt: binary(0x43) as Binary,
  abs: unary(0xe0) as Unary,
  /** b < a ? b : a, so that a NaN in `a` stays. */
  pmin: binary(0xea) as Binary,
  /** a < b ? b : a, so that a NaN in `a` stays. */
  pmax: binary(0xeb) as Binary,
  /** a · b + c, rounded once where the machine has an instruction for it, else twice: its bits are the machine's. */
  relaxed_madd: (a: V128, b: V128, c: V128): V128 => code("v128", a.bytes, b.bytes, c.bytes, simd(0x105)),
};

/** Leaves nothing of a value. */
export function drop(value: Code<ValueType>): Statement {
  return code("void", value.bytes, 0x1a);
}

/** Leaves the function. */
export function leave(): Statement {
  return code("void", 0x0f);
}

/** `{ ... }`; a branch to its label leaves it. */
export function block(body: (end: Label) => readonly Statement[]): Statement {
  return nested(0x02, body);
}

/** A branch to its label starts the body again; without one it is left at its end. */
export function loop(body: (again: Label) => readonly Statement[]): Statement {
  return nested(0x03, body);
}

function nested(opcode: number, body: (label: Label) => readonly Statement[]): Statement {
  depth++;
  const inside = body({ depth });
  depth--;
  return code("void", opcode, VOID, all(inside), 0x0b);
}

/** `if`. The branches are functions because labels count the nesting where code is built. */
export function when(
  condition: I32,
  then: () => readonly Statement[],
  otherwise?: () => readonly Statement[],
): Statement {
  const test = int(condition);
  depth++;
  const yes = all(then());
  const no = otherwise === undefined ? [] : [0x05, all(otherwise())];
  depth--;
  return code("void", test, 0x04, VOID, yes, no, 0x0b);
}

export function br(to: Label): Statement {
  return code("void", 0x0c, unsigned(depth - to.depth));
}

export function brIf(to: Label, condition: I32): Statement {
  return code("void", int(condition), 0x0d, unsigned(depth - to.depth));
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
    i.set(typeof from === "number" ? constant(from) : from),
    loop((again) => [brIf(end, i32.ge_u(i, below)), ...body(), i.set(i32.add(i, step)), br(again)]),
  ]);
}

function constant(value: number): Code<"i32"> {
  return code("i32", int(value));
}

export function all(statements: readonly Code<ValueType | "void">[]): Bytes {
  return statements.map((statement) => statement.bytes);
}

/** A function of the module, to be called by the ones after it. */
export interface Func {
  readonly index: number;
}

export function call(f: Func, ...args: readonly (Code<ValueType> | number)[]): Statement {
  return code(
    "void",
    args.map((arg) => (typeof arg === "number" ? int(arg) : arg.bytes)),
    0x10,
    unsigned(f.index),
  );
}
