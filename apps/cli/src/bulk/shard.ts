import { createHash } from "node:crypto";
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

/** A place of the input at which a shard begins or ends, and what lies before it: shards that meet at a mark have read one input. */
export interface Mark extends Place {
  /** SHA-256 of all bytes before it; of Parquet, of the file's footer. */
  readonly sha256: string;
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
): Promise<{ from: Mark; to: Mark }> {
  const part = (k: number): number => start + Math.floor(((size - start) * k) / count);
  const [first, last] = [part(index - 1), part(index)];
  const hash = createHash("sha256");
  let [from, to]: (Mark | undefined)[] = [];
  let [at, rows, quoted] = [0, 0, false];
  /** A row begins at `at`; `read` of the bytes before it are not in the hash yet. */
  const begins = (read: Uint8Array): boolean => {
    const mark = (): Mark => ({ at, rows, sha256: hash.copy().update(read).digest("hex") });
    if (from === undefined && at >= first) from = mark();
    if (from !== undefined && at >= last) to = mark();
    return to !== undefined;
  };
  try {
    if (start === 0) begins(new Uint8Array(0));
    for await (const chunk of to === undefined ? createReadStream(file, { highWaterMark: 1 << 20 }) : []) {
      const bytes = chunk as Buffer;
      for (const [i, byte] of bytes.entries()) {
        at++;
        if (byte === 0x22) quoted = quotes && !quoted;
        if (at !== start && (byte !== 0x0a || quoted || at < start)) continue;
        if (at > start) rows++;
        if (begins(bytes.subarray(0, i + 1))) break;
      }
      if (to !== undefined) break;
      hash.update(bytes);
    }
  } catch (error) {
    throw readable(error, file);
  }
  const end: Mark = { at, rows, sha256: hash.digest("hex") };
  return { from: from ?? end, to: to ?? end };
}
