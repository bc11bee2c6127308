/**
 * JSON of weight files, read from its bytes where they lie. `JSON.parse` will not do: it keeps the last of two equal names in silence,
 * cannot tell 1 from 1.0, and builds everything, so that ten megabytes of brackets cost a gigabyte; and text decoded as a whole takes twice
 * its bytes. This counts what is there before it reads, reads from left to right, once, and decodes one string at a time.
 */
import { fail, ModelError, show } from "../base/errors.ts";
import { TEXT, tooManyTensors, tooMuch } from "./limits.ts";

/** Where reading stands. */
export interface Cursor {
  readonly bytes: Uint8Array;
  /** Strict, and without a habit of dropping byte order marks. */
  readonly utf8: TextDecoder;
  next: number;
  /** Bytes of strings that may still come. */
  room: number;
  /** Members one object may have. */
  readonly most: number;
  readonly file: string;
  /** What the text is, for messages: `header`. */
  readonly what: string;
}

/** A name as it may stand in a message: it comes from a stranger, and may be long or hold line breaks. */
export function label(name: string): string {
  return /^[\x21-\x7e]{1,80}$/.test(name) ? name : show(name);
}

/**
 * Counts objects, members and values, and checks that all is UTF-8; then stands before the first character. There may be an object for
 * each tensor, four members, and sixteen commas and brackets.
 */
export function cursorOf(buffer: ArrayBuffer, file: string, what: string, maxTensors: number): Cursor {
  /** Bytes of UTF-8 that are checked at once. */
  const PIECE = 32768;
  const bytes = new Uint8Array(buffer);
  const seen = countBare(bytes);
  const [comma, colon, bracket, brace] = [44, 58, 91, 123].map((code) => seen[code]);
  if (brace > maxTensors + 2) tooManyTensors(file, what, maxTensors);
  if (colon > 4 * maxTensors + 1000 || comma + bracket > 16 * maxTensors + 1000) {
    tooMuch("more members and values than tensors", file, what);
  }
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    for (let i = 0; i < bytes.length; i += PIECE) utf8.decode(bytes.subarray(i, i + PIECE), { stream: true });
    utf8.decode();
  } catch (cause) {
    throw new ModelError("is not UTF-8 text; fetch the file again", { file, field: what, cause });
  }
  const most = maxTensors + 1000;
  return { bytes, utf8, next: 0, room: TEXT * most, most, file, what };
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
  if (peek(at) !== "") broken(at, `the end of the ${at.what}`);
}

/** An object: what `read`, which stands after the colon, makes of every member. It must step over the value. */
export function readObject<T>(at: Cursor, where: string, read: (key: string) => T): Map<string, T> {
  const members = new Map<string, T>();
  expect(at, "{");
  if (take(at, "}")) return members;
  do {
    const key = readString(at);
    if (members.has(key)) {
      fail(at.file, label(key), `stands twice in ${where}: readers would not agree which one counts`);
    }
    expect(at, ":");
    if (members.set(key, read(key)).size > at.most) tooManyTensors(at.file, where, at.most);
  } while (take(at, ","));
  expect(at, "}");
  return members;
}

export function readString(at: Cursor): string {
  expect(at, '"');
  const { bytes, utf8, next } = at;
  let end = next;
  let plain = true;
  while (end < bytes.length && bytes[end] !== 34) {
    if (bytes[end] < 32 || bytes[end] === 92) plain = false;
    end += bytes[end] === 92 ? 2 : 1;
  }
  at.room -= end - next;
  if (at.room < 0) tooMuch("more text than names", at.file, at.what);
  at.next = end;
  expect(at, '"');
  if (plain) return utf8.decode(bytes.subarray(next, end));
  try {
    // Escapes, and control characters, which must not stand bare.
    const value: string = JSON.parse(utf8.decode(bytes.subarray(next - 1, end + 1)));
    if (!/\p{Surrogate}/u.test(value)) return value;
  } catch {}
  at.next = next - 1;
  broken(at, "a string of whole characters and escapes");
}

/** A list of at most `most` whole numbers, written without sign, point or exponent; those of 15 digits are counted exactly. */
export function readIntegers(at: Cursor, most: number): number[] {
  const values: number[] = [];
  expect(at, "[");
  if (take(at, "]")) return values;
  do {
    const digits = match(at, /^(0|[1-9]\d{0,14})$/) ?? broken(at, "a whole number under 10^15");
    if (values.push(Number(digits)) > most) broken(at, `an end of the list after ${most} numbers`);
  } while (take(at, ","));
  expect(at, "]");
  return values.slice(); // without the room to grow, which is seventeen numbers
}

/** Steps over any JSON value, at most 128 levels deep, which is the limit of the reference reader of safetensors. */
export function skipValue(at: Cursor, depth = 0): void {
  if (depth > 128) broken(at, "fewer levels of brackets");
  const first = peek(at);
  if (first === '"') readString(at);
  else if (first === "{") readObject(at, "an object", () => skipValue(at, depth + 1));
  else if (take(at, "[")) {
    if (take(at, "]")) return;
    do skipValue(at, depth + 1);
    while (take(at, ","));
    expect(at, "]");
  } else if (match(at, /^(true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?)$/) === undefined) {
    broken(at, "a value");
  }
}

/** The next character but for white space, "" at the end. Nothing of JSON outside of strings is more than one byte. */
export function peek(at: Cursor): string {
  const { bytes } = at;
  let { next } = at;
  let code = bytes[next];
  while (code === 32 || code === 10 || code === 13 || code === 9) code = bytes[++next];
  at.next = next;
  return code === undefined ? "" : String.fromCharCode(code);
}

/** Steps over a character, if it is the next one. */
function take(at: Cursor, character: string): boolean {
  const there = peek(at) === character;
  if (there) at.next++;
  return there;
}

/** Steps over a number or a literal, if it is one that fits: everything to white space, a comma or the end of a list or an object. */
export function match(at: Cursor, pattern: RegExp): string | undefined {
  /** Bytes of a number, at most: those of a float64 have 25. */
  const WORD = 40;
  peek(at);
  let end = at.next;
  while (at.bytes[end] > 32 && ![44, 93, 125].includes(at.bytes[end]) && end < at.next + WORD) end++;
  const word = String.fromCharCode(...at.bytes.subarray(at.next, end));
  if (!pattern.test(word)) return undefined;
  at.next = end;
  return word;
}

function expect(at: Cursor, character: string): void {
  if (!take(at, character)) broken(at, character);
}

function broken(at: Cursor, wanted: string): never {
  const found = show(new TextDecoder().decode(at.bytes.subarray(at.next, at.next + 12)));
  const there = at.next < at.bytes.length ? found : "its end";
  const problem = `not the JSON it should be: ${wanted} belongs at byte ${at.next}, where ${there} stands; fetch it again`;
  fail(at.file, at.what, problem);
}
