import { fail } from "../base/errors.ts";
import { isObject, type JsonObject, parseJson } from "../base/json.ts";

/** Parses a file that holds a JSON object; a missing file is undefined. */
export function parseObject(text: string | undefined, file: string): JsonObject | undefined {
  return text === undefined ? undefined : asObject(parseJson(file, text), file, undefined);
}

/** Whether a field is there; null counts as absent. */
export function given(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** What stands at the end of a path of fields and indices, or undefined. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  let found = value;
  for (const field of path) found = (found as JsonObject | null | undefined)?.[field];
  return found;
}

export function asObject(value: unknown, file: string, field: string | undefined): JsonObject {
  return isObject(value) ? value : fail(file, field, "must be a JSON object", value);
}

export function asText(value: unknown, file: string, field: string): string {
  return typeof value === "string" ? value : fail(file, field, "must be a string", value);
}

export function asList(value: unknown, file: string, field: string): unknown[] {
  return Array.isArray(value) ? value : fail(file, field, "must be a list", value);
}

/** Ids are 32-bit numbers, so nothing above that is one. */
export function asWhole(value: unknown, file: string, field: string, most: number = 2 ** 31 - 1): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most) return value as number;
  return fail(file, field, `must be a whole number up to ${most}`, value);
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
  return fail(file, field, "must be true or false", found);
}
