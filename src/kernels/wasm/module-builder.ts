import {
  all,
  type Bytes,
  type Code,
  code,
  type Func,
  int,
  type Local,
  type Statement,
  unsigned,
  VALUE_TYPES,
  type ValueType,
} from "./asm.ts";

/** The frame around the code: sections of a module, functions with their parameters and locals. Core Specification 2.0, section 5.5. */

type Params = Readonly<Record<string, ValueType>>;
type Arguments<P extends Params> = { readonly [K in keyof P]: Local<P[K]> };
/** A new local variable of the function being written; it starts as 0. */
export type NewLocal = <T extends ValueType>(type: T) => Local<T>;

export interface ModuleBuilder {
  /** Adds a function, exported under its name: without a result, or with the one its last expression leaves. */
  func<P extends Params>(
    name: string,
    params: P,
    body: (p: Arguments<P>, local: NewLocal) => readonly Code<ValueType | "void">[],
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
    func(name, params, body) {
      const index = bodies.length;
      const variables: ValueType[] = [];
      const variable = <T extends ValueType>(type: T): Local<T> => {
        const at = unsigned(variables.push(type) - 1);
        const set = (value: Code<T> | number): Statement =>
          code("void", typeof value === "number" ? int(value) : value.bytes, 0x21, at);
        return { type, bytes: [0x20, at], set };
      };
      const entries = Object.entries(params).map(([key, type]) => [key, variable(type)]);
      const statements = body(Object.fromEntries(entries), variable);
      const result = statements.at(-1)?.type ?? "void";
      const locals = variables.slice(entries.length).map((type) => [1, VALUE_TYPES[type]]);
      types.push([0x60, vector(Object.values(params).map((type) => VALUE_TYPES[type])), results(result)]);
      exports.push([text(name), 0x00, unsigned(index)]);
      bodies.push(sized([vector(locals), all(statements), 0x0b]));
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

function results(type: ValueType | "void"): Bytes {
  return vector(type === "void" ? [] : [VALUE_TYPES[type]]);
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
