/**
 * JSON of weight files, read in place. `JSON.parse` will not do: it keeps the last of two equal names in silence, cannot tell 1 from 1.0,
 * and builds everything, so that ten megabytes of brackets cost a gigabyte. This counts what is there before it reads, reads from left
 * to right, once, and never builds what nobody keeps.
 */
import { ModelError, show } from "../base/errors.ts";
import { tooManyTensors } from "./limits.ts";

/** Where reading stands. */
export interface Cursor {
  readonly text: string;
  next: number;
  readonly file: string;
  /** What the text is, for messages: `header`. */
  readonly what: string;
}

/** Characters of one string: metadata may be long, names are not. */
const STRING = 10_000_000;

/** A name as it may stand in a message: it comes from a stranger, and may be long or hold line breaks. */
export function label(name: string): string {
  return /^[\x21-\x7e]{1,80}$/.test(name) ? name : show(name);
}

/**
 * Counts objects, members and values, then decodes UTF-8 and stands before its first character. There may be an object for each tensor,
 * five members, and sixteen commas and brackets.
 */
export function cursorOf(bytes: ArrayBuffer, file: string, what: string, maxTensors: number): Cursor {
  const seen = countBare(new Uint8Array(bytes));
  const [comma, colon, bracket, brace] = [44, 58, 91, 123].map((code) => seen[code]);
  if (brace > maxTensors + 2) throw tooManyTensors(file, what, maxTensors);
  if (colon > 5 * maxTensors + 1000 || comma + bracket > 16 * maxTensors + 1000) {
    throw new ModelError("more members and values than maxTensors could need: refused", { file, field: what });
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, next: 0, file, what };
  } catch (cause) {
    const problem = `the ${what} is not UTF-8: the file is damaged, fetch it again`;
    throw new ModelError(problem, { file, field: what, cause });
  }
}

/** How often every byte stands outside strings, [256]. */
function countBare(bytes: Uint8Array): Uint32Array {
  const seen = new Uint32Array(256);
  let quoted = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === 34) quoted = !quoted;
    else if (!quoted) seen[byte]++;
    else if (byte === 92) i++;
  }
  return seen;
}

/** Nothing but white space may follow. */
export function expectEnd(at: Cursor): void {
  skipSpace(at);
  if (at.next < at.text.length) throw broken(at, `the end of the ${at.what}`);
}

/** Calls `read` for every member of an object, standing after its colon; `read` must step over the value. */
export function eachMember(at: Cursor, where: string, read: (key: string) => void): void {
  expect(at, "{");
  skipSpace(at);
  if (take(at, "}")) return;
  // Nearly every object has three members, for which a set would be most of the memory spent here.
  const few: string[] = [];
  let many: Set<string> | undefined;
  do {
    const key = readString(at);
    if (many === undefined ? few.includes(key) : many.has(key)) {
      const problem = `stands twice in ${where}: readers would not agree which one counts`;
      throw new ModelError(problem, { file: at.file, field: label(key) });
    }
    if (many !== undefined) many.add(key);
    else if (few.push(key) === 16) many = new Set(few);
    expect(at, ":");
    read(key);
    skipSpace(at);
  } while (take(at, ","));
  expect(at, "}");
}

export function readString(at: Cursor): string {
  expect(at, '"');
  const start = at.next - 1;
  while (at.next < at.text.length && at.text[at.next] !== '"') at.next += at.text[at.next] === "\\" ? 2 : 1;
  expect(at, '"');
  if (at.next - start > STRING)
    throw new ModelError(`a string of over ${STRING} characters`, { file: at.file, field: at.what });
  const raw = at.text.slice(start, at.next);
  let value: string;
  try {
    value = JSON.parse(raw); // escapes, and control characters that must not stand bare
  } catch {
    at.next = start;
    throw broken(at, "a string");
  }
  if (/\p{Surrogate}/u.test(value)) {
    at.next = start;
    throw broken(at, "a string of whole characters");
  }
  return value;
}

/** A list of at most `most` whole numbers from 0 to 2^53 - 1, written without sign, point or exponent. */
export function readIntegers(at: Cursor, field: string, most: number): number[] {
  const values: number[] = [];
  expect(at, "[");
  skipSpace(at);
  if (take(at, "]")) return values;
  do {
    skipSpace(at);
    const digits = match(at, /(?:0|[1-9][0-9]{0,15})(?![0-9.eE])/y);
    if (digits === undefined) throw broken(at, "a whole number under 2^53");
    const value = Number(digits);
    if (!Number.isSafeInteger(value)) {
      throw new ModelError("too large to be counted exactly", { file: at.file, field, value: digits });
    }
    if (values.push(value) > most) throw broken(at, `an end of the list after ${most} numbers`);
    skipSpace(at);
  } while (take(at, ","));
  expect(at, "]");
  return values.slice(); // without the room to grow, which is seventeen numbers
}

/** Steps over any JSON value, at most 128 levels deep, which is the limit of the reference reader of safetensors. */
export function skipValue(at: Cursor, depth = 0): void {
  if (depth > 128) throw broken(at, "fewer levels of brackets");
  skipSpace(at);
  const first = at.text[at.next];
  if (first === '"') readString(at);
  else if (first === "{") eachMember(at, "an object", () => skipValue(at, depth + 1));
  else if (first === "[") {
    at.next++;
    skipSpace(at);
    if (take(at, "]")) return;
    do {
      skipValue(at, depth + 1);
      skipSpace(at);
    } while (take(at, ","));
    expect(at, "]");
  } else if (
    match(at, /true|false|null|-?(?:0|[1-9][0-9]{0,400})(?:\.[0-9]{1,400})?(?:[eE][-+]?[0-9]{1,9})?/y) === undefined
  ) {
    throw broken(at, "a value");
  }
}

export function skipSpace(at: Cursor): void {
  // By code, not by character: a header may have a hundred million of them.
  let code = at.text.charCodeAt(at.next);
  while (code === 32 || code === 10 || code === 13 || code === 9) code = at.text.charCodeAt(++at.next);
}

export function take(at: Cursor, text: string): boolean {
  if (!at.text.startsWith(text, at.next)) return false;
  at.next += text.length;
  return true;
}

/** Patterns here are bounded: a regular expression that runs over megabytes may exhaust the engine's stack. */
function match(at: Cursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = at.next;
  if (!pattern.test(at.text)) return undefined;
  const start = at.next;
  at.next = pattern.lastIndex;
  return at.text.slice(start, at.next);
}

function expect(at: Cursor, text: string): void {
  skipSpace(at);
  if (!take(at, text)) throw broken(at, text);
}

function broken(at: Cursor, wanted: string): ModelError {
  const found = at.next < at.text.length ? show(at.text.slice(at.next, at.next + 12)) : "its end";
  const problem = `not the JSON it should be: ${wanted} belongs at character ${at.next}, where ${found} stands; fetch the file again`;
  return new ModelError(problem, { file: at.file, field: at.what });
}
