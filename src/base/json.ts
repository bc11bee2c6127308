import { isWhole } from "./door.ts";
import { fail, ModelError } from "./errors.ts";

/** A JSON object read from a model's file: fields are taken out one by one, each checked, each error naming file, field and value. */
export class Json {
  readonly file: string;
  readonly #fields: Map<string, unknown>;
  /** The path of this object inside the file: `modality_config.text.`, or nothing. */
  readonly #inside: string;

  constructor(file: string, value: unknown, inside = "") {
    if (!isObject(value)) fail(file, inside || undefined, "must be a JSON object", value);
    this.file = file;
    this.#fields = new Map(Object.entries(value));
    this.#inside = inside && `${inside}.`;
  }

  /** A file that is missing says nothing. */
  static parse(file: string, text: string = "{}"): Json {
    return new Json(file, parseJson(file, text));
  }

  get keys(): string[] {
    return [...this.#fields.keys()];
  }

  /** Whether the field is written, be it as null. */
  has(field: string): boolean {
    return this.#fields.has(field);
  }

  /** The value as it is; null counts as absent, as it does in Python's configurations. */
  get(field: string, fallback?: unknown): unknown {
    return this.#fields.get(field) ?? fallback;
  }

  string(field: string): string | undefined;
  string(field: string, fallback: string): string;
  string(field: string, fallback?: string): string | undefined {
    const value = this.get(field, fallback);
    return value === undefined || typeof value === "string" ? value : this.fail(field, "must be a string");
  }

  /** As `string`, for a field that must be there. */
  text(field: string): string {
    return this.string(field) ?? this.#miss(field);
  }

  boolean<T extends boolean | undefined>(field: string, fallback: T): boolean | T {
    const value = this.get(field, fallback);
    if (value === fallback || typeof value === "boolean") return value as boolean | T;
    return this.fail(field, "must be true or false");
  }

  /** A whole number of at least `least`. */
  whole(field: string, least: number): number | undefined;
  whole(field: string, least: number, fallback: number): number;
  whole(field: string, least: number, fallback?: number): number | undefined {
    const value = this.get(field, fallback);
    if (value === undefined || isWhole(value, least)) return value;
    return this.fail(field, `must be a whole number of at least ${least}`);
  }

  /** As `whole`, for a field that must be there, and up to `most`. */
  need(field: string, least: number, most: number = Infinity): number {
    const value = this.whole(field, least) ?? this.#miss(field);
    return value <= most ? value : this.fail(field, `must be at most ${most}`);
  }

  number(field: string, fallback: number): number {
    const value = this.get(field, fallback);
    return typeof value === "number" ? value : this.fail(field, "must be a number");
  }

  object(field: string): Json | undefined {
    const value = this.get(field);
    return value === undefined ? undefined : new Json(this.file, value, this.#inside + field);
  }

  /** As `object`, for a field that must be there. */
  part(field: string): Json {
    return this.object(field) ?? this.#miss(field);
  }

  /** A list by its indices; one that is not there is empty. */
  list(field: string): Json {
    const value = this.get(field, []);
    return Array.isArray(value)
      ? new Json(this.file, { ...value }, this.#inside + field)
      : this.fail(field, "must be a list");
  }

  oneOf<N extends string>(field: string, fallback: string, names: readonly N[]): N {
    const value = this.get(field, fallback);
    const problem = `is not supported; use one of ${names.join(", ")}`;
    return names.find((name) => name === value) ?? this.fail(field, problem);
  }

  /** One of the names of `choices`, as what it stands for there. */
  choice<V>(field: string, fallback: string, choices: Readonly<Record<string, V>>): V {
    return choices[this.oneOf(field, fallback, Object.keys(choices))];
  }

  #miss(field: string): never {
    return fail(this.file, this.#inside + field, "is missing");
  }

  fail(field: string, problem: string): never {
    return fail(this.file, this.#inside + field, problem, this.#fields.get(field));
  }
}

/** A JSON object as it was read: nothing about its fields is known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What stands at the end of a path of fields and indices, or undefined. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  let found = value;
  for (const field of path) found = (found as JsonObject | null | undefined)?.[field];
  return found;
}

/** Whether two values are written alike. Something nested too deeply to be written is like nothing. */
export function sameJson(a: unknown, b: unknown): boolean {
  try {
    return JSON.stringify(a) === JSON.stringify(b);
  } catch {
    return false;
  }
}

export function parseJson(file: string, text: string): unknown {
  try {
    // A byte order mark is no JSON, but editors write one.
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (cause) {
    throw new ModelError(`is not valid JSON (${(cause as Error).message}); fetch it again`, { file, cause });
  }
}
