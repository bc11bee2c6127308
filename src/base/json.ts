import { ModelError } from "./errors.ts";

/** A JSON object read from a model's file: fields are taken out one by one, each checked, each error naming file, field and value. */
export class Json {
  readonly file: string;
  readonly #fields: Map<string, unknown>;
  /** The path of this object inside the file: `modality_config.text.`, or nothing. */
  readonly #inside: string;

  constructor(file: string, value: unknown, inside = "") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ModelError("must be a JSON object", { file, ...(inside ? { field: inside } : {}), value });
    }
    this.file = file;
    this.#fields = new Map(Object.entries(value));
    this.#inside = inside === "" ? "" : `${inside}.`;
  }

  static parse(file: string, text: string): Json {
    return new Json(file, parseJson(file, text));
  }

  get keys(): string[] {
    return [...this.#fields.keys()];
  }

  /** The value as it is; null counts as absent, as it does in Python's configurations. */
  get(field: string): unknown {
    return this.#fields.get(field) ?? undefined;
  }

  string(field: string): string | undefined;
  string(field: string, fallback: string): string;
  string(field: string, fallback?: string): string | undefined {
    const value = this.get(field) ?? fallback;
    if (value !== undefined && typeof value !== "string") throw this.error(field, "must be a string");
    return value;
  }

  boolean(field: string, fallback: boolean): boolean {
    const value = this.get(field) ?? fallback;
    if (typeof value !== "boolean") throw this.error(field, "must be true or false");
    return value;
  }

  /** A whole number of at least `least`. */
  whole(field: string, least: number): number | undefined;
  whole(field: string, least: number, fallback: number): number;
  whole(field: string, least: number, fallback?: number): number | undefined {
    const value = this.get(field) ?? fallback;
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least) {
      throw this.error(field, `must be a whole number of at least ${least}`);
    }
    return value;
  }

  /** As `whole`, for a field that must be there. */
  need(field: string, least: number): number {
    const value = this.whole(field, least);
    if (value === undefined) throw new ModelError("is missing", { file: this.file, field: this.#inside + field });
    return value;
  }

  number(field: string, fallback: number): number {
    const value = this.get(field) ?? fallback;
    if (typeof value !== "number") throw this.error(field, "must be a number");
    return value;
  }

  object(field: string): Json | undefined {
    const value = this.get(field);
    return value === undefined ? undefined : new Json(this.file, value, this.#inside + field);
  }

  error(field: string, message: string): ModelError {
    return new ModelError(message, { file: this.file, field: this.#inside + field, value: this.#fields.get(field) });
  }
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
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ModelError(`is not valid JSON (${why}); fetch the file again`, { file, cause });
  }
}
