import { ModelError } from "../base/errors.ts";
import { parseJson } from "../base/json.ts";

/** A JSON object as it was read: nothing about its fields is known yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Parses a file that holds a JSON object; a missing file is undefined. */
export function parseObject(text: string | undefined, file: string): JsonObject | undefined {
  return text === undefined ? undefined : asObject(parseJson(file, text), file, undefined);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asObject(value: unknown, file: string, field: string | undefined): JsonObject {
  if (isObject(value)) return value;
  throw new ModelError("expected an object in braces", { file, field, value });
}

/** `value[field]`, which must be a truth value; `otherwise` where it is missing or null. */
export function flag<T extends boolean | undefined>(
  value: JsonObject,
  field: string,
  otherwise: T,
  file: string,
): boolean | T {
  const found = value[field] ?? otherwise;
  if (found === otherwise || typeof found === "boolean") return found as boolean | T;
  throw new ModelError("expected true or false", { file, field, value: found });
}

export function asText(value: unknown, file: string, field: string): string {
  if (typeof value === "string") return value;
  throw new ModelError("expected a text in quotes", { file, field, value });
}
