/**
 * The one error the engine throws for anything a caller can mend: a bad file, a bad option, a bad text.
 *
 * The message reads `file: field = value: what is wrong, and what to do`, and the same parts can be read by programs.
 */
export class ModelError extends Error {
  /** The file (or option, or function) at fault, relative to the model where it belongs to one. */
  readonly file: string | undefined;
  /** The field, tensor, or argument inside `file`. */
  readonly field: string | undefined;
  /** The offending value as it was found. */
  readonly value: unknown;

  constructor(message: string, at: { file?: string; field?: string; value?: unknown; cause?: unknown } = {}) {
    super(place(at) + message, at); // which takes the cause out of it
    this.name = "ModelError";
    this.file = at.file;
    this.field = at.field;
    this.value = at.value;
  }
}

/** Throws a `ModelError`: where, what is wrong, and the value, which is shown where it is given, even if it is undefined. */
export function fail(
  file: string | undefined,
  field: string | undefined,
  problem: string,
  ...value: [value?: unknown]
): never {
  throw new ModelError(problem, value.length > 0 ? { file, field, value: value[0] } : { file, field });
}

function place(at: { file?: string; field?: string; value?: unknown }): string {
  const value = "value" in at ? ` = ${show(at.value)}` : "";
  const { file, field } = at;
  return (file === undefined ? "" : `${file}: `) + (field === undefined ? "" : `${field}${value}: `);
}

/** A value as it may stand in a message: short, on one line, never throwing. */
export function show(value: unknown): string {
  let text: string;
  if (typeof value === "number")
    text = `${value}`; // NaN and infinities too
  else if (typeof value === "bigint") text = `${value}n`;
  else if (typeof value === "function") text = "a function";
  else {
    try {
      text = JSON.stringify(value) ?? String(value);
    } catch {
      text = Object.prototype.toString.call(value);
    }
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
