import { ModelError } from "./errors.ts";

/*
 * Checks at the door: what a caller without a compiler may hand in ends in a ModelError that names the argument, not in a TypeError from
 * somewhere inside.
 */

export function checkWhole(field: string, value: unknown, least: number): void {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least) {
    throw new ModelError(`must be a whole number of at least ${least}`, { field, value });
  }
}

export function checkObject(field: string, value: unknown): void {
  if (typeof value !== "object" || value === null) throw new ModelError("must be an object", { field, value });
}

/** A value that may be left out, of some `typeof`. */
export function checkOptional(field: string, value: unknown, type: "function" | "boolean" | "object" | "string"): void {
  if (value !== undefined && (typeof value !== type || value === null)) {
    throw new ModelError(`must be a ${type}, or left out`, { field, value });
  }
}

export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && typeof signal?.throwIfAborted !== "function") {
    throw new ModelError("must be an AbortSignal, or left out", { field: "signal", value: signal });
  }
}
