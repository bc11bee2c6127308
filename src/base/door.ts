import { fail } from "./errors.ts";

/*
 * Checks at the door: what a caller without a compiler may hand in ends in a ModelError that names the argument, not in a TypeError from
 * somewhere inside.
 */

/** `fail` for an option or an argument, which is in no file. */
export function refuse(field: string, problem: string, ...value: [value?: unknown]): never {
  fail(undefined, field, problem, ...value);
}

export function isWhole(value: unknown, least: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

/** A whole number from `least` to `most`; `what` says why not more. */
export function checkWhole(field: string, value: unknown, least: number, most?: number, what?: string): void {
  if (!isWhole(value, least)) refuse(field, `must be a whole number of at least ${least}`, value);
  if (most !== undefined && value > most) refuse(field, `is beyond ${what}, ${most}`, value);
}

export function checkOneOf(field: string, value: unknown, choices: readonly unknown[]): void {
  if (!choices.includes(value)) refuse(field, `must be one of ${choices.join(", ")}`, value);
}

export function checkObject(field: string, value: unknown): void {
  if (typeof value !== "object" || value === null) refuse(field, "must be an object", value);
}

/** Options of these names only: others are mistyped, or of another package, and would do nothing. */
export function checkNames(options: object, names: readonly string[]): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !names.includes(name)) refuse(name, `is no option here; there are ${names.join(", ")}`);
  }
}

type Kind = "function" | "boolean" | "object" | "string";

/** A value that may be left out, of some `typeof`. */
export function checkOptional(field: string, value: unknown, type: Kind): void {
  if (value !== undefined && (typeof value !== type || value === null)) {
    refuse(field, `must be ${type === "object" ? "an" : "a"} ${type}, or left out`, value);
  }
}

/** Options: the signal, and others of some `typeof`, all of which may be left out. */
export function checkFields<O extends { signal?: AbortSignal }>(
  options: O,
  kinds: { readonly [K in keyof O]?: Kind },
): void {
  checkObject("options", options);
  const { signal } = options;
  if (signal !== undefined && typeof signal?.throwIfAborted !== "function") {
    refuse("signal", "must be an AbortSignal, or left out", signal);
  }
  for (const [field, kind] of Object.entries<Kind>(kinds as Record<string, Kind>)) {
    checkOptional(field, options[field as keyof O], kind);
  }
}
