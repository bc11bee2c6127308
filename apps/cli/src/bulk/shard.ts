import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { InvalidArgumentError } from "commander";
import { readable } from "../lines.ts";
import type { Place } from "./row.ts";

/** One of several processes that share an input: `2/8`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** An option's value. */
export function shardOf(text: string): Shard {
  const [, index, count] = (/^([0-9]{1,5})\/([0-9]{1,5})$/.exec(text) ?? []).map(Number);
  if (!(index >= 1 && index <= count)) throw new InvalidArgumentError("it must be like 2/8: the second of eight.");
  return { index, count };
}

/** What a shard's output is called: `out.npy` becomes `out-00002-of-00008.npy`. */
export function shardFile(file: string, { index, count }: Shard): string {
  const ending = extname(file);
  const digits = (n: number): string => String(n).padStart(5, "0");
  return `${file.slice(0, file.length - ending.length)}-${digits(index)}-of-${digits(count)}${ending}`;
}

/**
 * The bytes of a file that are a shard's: rows that begin in the k-th of n equal parts of what lies behind `start`. The file is read up to there,
 * because a row's number is known only by counting, and because only the quotes before a line end of CSV tell whether it ends a record.
 */
export async function shardBytes(
  file: string,
  size: number,
  start: number,
  { index, count }: Shard,
  quotes: boolean,
): Promise<{ from: Place; to: number }> {
  const part = (k: number): number => start + Math.floor(((size - start) * k) / count);
  const [first, last] = [part(index - 1), part(index)];
  if (first === last) return { from: { at: start, rows: 0 }, to: start }; // more shards than bytes
  let from: Place | undefined = first === start ? { at: start, rows: 0 } : undefined;
  let rows = 0;
  let at = start;
  let quoted = false;
  try {
    for await (const chunk of createReadStream(file, { start, highWaterMark: 1 << 20 })) {
      for (const byte of chunk as Buffer) {
        at++;
        if (byte === 0x22) quoted = quotes && !quoted;
        if (byte !== 0x0a || quoted) continue;
        rows++;
        if (from === undefined && at >= first) from = { at, rows };
        if (from !== undefined && at >= last) return { from, to: at };
      }
    }
  } catch (error) {
    throw readable(error, file);
  }
  return { from: from ?? { at: size, rows }, to: size };
}
