/*
 * The bytes of WebAssembly: numbers, operands, and what makes instructions. The names of the instructions stand in asm.ts, and those that only whole
 * numbers need in int8/asm.ts. The binary format: WebAssembly Core Specification 2.0, chapter 5.
 */

export type ValueType = "i32" | "f32" | "v128";

/** Nested, so that building a tree of code copies nothing; flattened once, when the function is done. */
export type Bytes = number | readonly Bytes[];

declare const TYPE: unique symbol;

/** Code that leaves one value of a type behind, or none. It is nothing but its bytes; the type is known to the compiler alone. */
export type Code<T extends ValueType | "void"> = readonly Bytes[] & { readonly [TYPE]: T };

/** A whole number stands for the constant. */
export type I32 = Code<"i32"> | number;
export type F32 = Code<"f32">;
export type V128 = Code<"v128">;
export type Statement = Code<"void">;

export type Operand = Code<ValueType> | number;
export type OperandOf<T extends ValueType> = T extends "i32" ? I32 : Code<T>;

/** A parameter or local variable; as an expression, its value. */
export type Local<T extends ValueType> = Code<T> & { set(value: OperandOf<T>): Statement };

export const VALUE_TYPES: Record<ValueType, number> = { i32: 0x7f, f32: 0x7d, v128: 0x7b };

/** Whatever type is wanted: the names below say which, and the compiler holds their users to it. */
export function code(...bytes: Bytes[]): Code<never> {
  return bytes as readonly Bytes[] as Code<never>;
}

export function operand(value: Operand): Bytes {
  return typeof value === "number" ? [0x41, signed(value)] : value;
}

/** Unsigned LEB128: seven bits a byte, the lowest first, the top bit set on all but the last. */
export function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

/** Signed LEB128 of a 32-bit number. */
function signed(value: number): number[] {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}

/** The four bytes of a float32. */
export function float(value: number): number[] {
  return [...new Uint8Array(Float32Array.of(value).buffer)];
}

/** An instruction: its operands in order, then its opcode. */
export function op(...opcode: Bytes[]): (...operands: Operand[]) => Code<never> {
  return (...operands) => code(operands.map(operand), opcode);
}

export function simd(opcode: number): (...operands: Operand[]) => Code<never> {
  return op(0xfd, unsigned(opcode));
}

/** An instruction that reads memory. Behind the opcode: natural alignment as a power of two, and an offset added to the address. */
export function load(align: number, ...opcode: Bytes[]): (address: I32, offset?: number) => Code<never> {
  return (address, offset = 0) => op(opcode, align, unsigned(offset))(address);
}

/** One that has an operand besides the address. */
export function store(
  align: number,
  ...opcode: Bytes[]
): (address: I32, value: Operand, offset?: number) => Code<never> {
  return (address, value, offset = 0) => op(opcode, align, unsigned(offset))(address, value);
}

export type Load<T extends ValueType> = (address: I32, offset?: number) => Code<T>;
export type Store<T extends ValueType> = (address: I32, value: OperandOf<T>, offset?: number) => Statement;
/** Leaves what stood in memory, or what became of waiting. */
export type Atomic = (address: I32, value: I32, offset?: number) => Code<"i32">;
export type Unary<T extends ValueType> = (a: OperandOf<T>) => Code<T>;
export type Binary<T extends ValueType> = (a: OperandOf<T>, b: OperandOf<T>) => Code<T>;
