import {
  type Bytes,
  type Code,
  type Func,
  type Local,
  unsigned,
  VALUE_TYPES,
  type ValueType,
  variable,
} from "./asm.ts";

/** The frame around the code: sections of a module, functions with their parameters and locals. Core Specification 2.0, section 5.5. */

type Params = Readonly<Record<string, ValueType>>;
type Arguments<P extends Params> = { readonly [K in keyof P]: Local<P[K]> };
/** New local variables of the function being written, one if no number is given; they start as 0. */
export type NewLocals = <T extends ValueType>(type: T, count?: number) => Local<T>[];

export interface ModuleBuilder {
  /** Adds a function, exported under its name: without a result, or with the one its last expression leaves. */
  func<P extends Params, R extends ValueType = never>(
    name: string,
    params: P,
    body: (p: Arguments<P>, locals: NewLocals) => readonly Code<"void" | NoInfer<R>>[],
    ...result: R[]
  ): Func;
  /** The module: imports its memory as `env.memory`. With a `mark`, a custom section of that name sets its bytes apart from others'. */
  bytes(mark?: string): Uint8Array<ArrayBuffer>;
}

/** Pages of 64 KiB; shared memory must say its largest size, and an instance's memory must not be larger than its module's. */
export interface MemoryLimits {
  readonly shared: boolean;
  readonly maximum: number;
}

export function moduleBuilder(limits: MemoryLimits): ModuleBuilder {
  const types: Bytes[] = [];
  const exports: Bytes[] = [];
  const bodies: Bytes[] = [];
  return {
    func(name, params, body, ...result) {
      const index = bodies.length;
      const variables: ValueType[] = [];
      const locals: NewLocals = (type, count = 1) =>
        Array.from({ length: count }, () => variable(variables.push(type) - 1));
      const entries = Object.entries(params).map(([key, type]) => [key, ...locals(type)]);
      const statements = body(Object.fromEntries(entries), locals);
      types.push([0x60, vector(typeBytes(Object.values(params))), vector(typeBytes(result))]);
      exports.push([text(name), 0x00, unsigned(index)]);
      // Each local is a run of its own, of length 1.
      const own = typeBytes(variables.slice(entries.length)).map((type) => [1, type]);
      bodies.push(sized([vector(own), statements, 0x0b]));
      return { index };
    },
    bytes: (mark) =>
      Uint8Array.from(
        flatten([
          [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
          section(1, types), // a type of its own for each function: a few bytes more, one table less
          section(2, [[text("env"), text("memory"), 0x02, limits.shared ? 0x03 : 0x01, 0, unsigned(limits.maximum)]]),
          section(
            3,
            bodies.map((_, index) => unsigned(index)),
          ),
          section(7, exports),
          section(10, bodies),
          mark === undefined ? [] : [0, sized(text(mark))],
        ]),
      ),
  };
}

function typeBytes(types: readonly ValueType[]): Bytes[] {
  return types.map((type) => VALUE_TYPES[type]);
}

function section(id: number, items: readonly Bytes[]): Bytes {
  return [id, sized(vector(items))];
}

function vector(items: readonly Bytes[]): Bytes {
  return [unsigned(items.length), items];
}

function sized(bytes: Bytes): Bytes {
  const flat = flatten(bytes);
  return [unsigned(flat.length), flat];
}

function text(value: string): Bytes {
  return vector([...value].map((character) => character.charCodeAt(0)));
}

function flatten(bytes: Bytes, into: number[] = []): number[] {
  if (typeof bytes === "number") into.push(bytes);
  else for (const part of bytes) flatten(part, into);
  return into;
}
