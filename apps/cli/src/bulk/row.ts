import { printable } from "../terminal.ts";
import type { Mark } from "./shard.ts";

/** Forms of input. */
export type FromName = "text" | "jsonl" | "csv" | "parquet";

/** A row of the input: one with a text, an empty one, or a bad one, in which case `problem` says why. */
export interface Row {
  /** From 1; a line's number, or that of a record behind the header. */
  readonly number: number;
  /** Where reading goes on behind it: a byte of the file, a row of Parquet, a count of arguments. */
  readonly next: number;
  /** The text; none where the row is empty or bad. */
  readonly text?: string;
  /** The JSON object the text stood in, as it was written. */
  readonly record?: string;
  /** What is wrong, as the end of a sentence that begins with the row. */
  readonly problem?: string;
}

/** A place between two rows. */
export interface Place {
  /** As `next` of the row before it. */
  readonly at: number;
  /** Rows before it in the whole input. */
  readonly rows: number;
}

/** Rows of an input, or of a shard of it. */
export interface Rows {
  /** For messages. */
  readonly name: string;
  /** What a row is called: `line`, `row`, `text`. */
  readonly unit: string;
  readonly from: Place;
  /** As `next`, where it ends; 0 where nobody knows. */
  readonly to: number;
  /** The form of a file; none where the texts are arguments. */
  readonly form?: FromName;
  /** Where a shard begins and ends. */
  readonly marks?: { readonly from: Mark; readonly to: Mark };
  /** Reads from a place on, `from` or one that a row named. */
  read(from: Place): AsyncGenerator<Row, void, void>;
}

/** A text that cannot be one: half of a pair of UTF-16 has no code point, and no form of Unicode can store it. */
const LONE = /\p{Surrogate}/u;

/** What a value of the input makes of its row. */
export function textOf(value: unknown, field: string): Pick<Row, "text" | "problem"> {
  if (typeof value !== "string") {
    const what = value === null ? "null" : Array.isArray(value) ? "an array" : `a ${typeof value}`;
    return { problem: `has no text in "${field}": it is ${what}` };
  }
  if (LONE.test(value)) return { problem: `has a lone surrogate in "${field}", half of a character` };
  return value.trim() === "" ? {} : { text: value };
}

/** A row and what is wrong with it, for a terminal: a piece of the input may stand in it. */
export function complaint({ unit, name }: Rows, { number, problem = "is empty" }: Row): string {
  return printable(`${unit} ${number} of ${name} ${problem}`);
}

/** The error of a row that stops the work. */
export function badRow(source: Rows, row: Row): Error {
  return new Error(`${complaint(source, row)} (--bad-rows skip passes over such rows)`);
}
