import { createHash } from "node:crypto";
import { createReadStream, readFileSync, rmSync } from "node:fs";
import { stat } from "node:fs/promises";
import { writeWhole } from "../output.ts";
import { differing, type Settings } from "./settings.ts";
import type { Mark, Shard } from "./shard.ts";

/**
 * What `embed --shard` writes beside its output once that is complete, so that `merge` need not guess. Beside it and not in it: lines and .npy have
 * no room for it, and the bytes of a shard stay those of any other output.
 */
export interface ShardRecord {
  readonly version: typeof VERSION;
  readonly shard: Shard;
  readonly settings: Settings;
  /** The part of the input. */
  readonly from: Mark;
  readonly to: Mark;
  readonly vectors: number;
  readonly file: Fingerprint;
}

/** Tells whether a record is of this very file. */
interface Fingerprint {
  readonly bytes: number;
  /** SHA-256 of the first and the last 64 KiB. */
  readonly ends: string;
}

const VERSION = 1;
const END = 1 << 16;

async function fingerprintOf(file: string): Promise<Fingerprint> {
  const { size } = await stat(file);
  const hash = createHash("sha256");
  for (const start of [0, Math.max(0, size - END)]) {
    for await (const chunk of createReadStream(file, { start, end: start + END - 1 })) hash.update(chunk as Buffer);
  }
  return { bytes: size, ends: hash.digest("hex") };
}

const recordFile = (output: string): string => `${output}.shard`;

/** Takes a record away before the file changes that it is of. */
export function forget(output: string): void {
  rmSync(recordFile(output), { force: true });
}

/** Writes the record of an output that has its name. */
export async function remember(output: string, about: Omit<ShardRecord, "file" | "version">): Promise<void> {
  const record: ShardRecord = { version: VERSION, ...about, file: await fingerprintOf(output) };
  await writeWhole(recordFile(output), `${JSON.stringify(record)}\n`);
}

/** Records of all shards, which are given in order. @throws Error where one is not what its name says, or not of one run with the others. */
export async function recordsOf(names: readonly string[]): Promise<ShardRecord[]> {
  const count = names.length;
  const records: ShardRecord[] = [];
  for (const [i, name] of names.entries()) {
    const again = `run embed with --output and --shard ${i + 1}/${count} again`;
    const record = read(name, again);
    const { index, count: all } = record.shard;
    if (index !== i + 1 || all !== count) throw new Error(`${name} is shard ${index}/${all} by another name: ${again}`);
    if (differing(record.file, await fingerprintOf(name)).length > 0) {
      throw new Error(`${name} is not the file that ${recordFile(name)} was written for: ${again}`);
    }
    const before = records.at(-1);
    const other = before === undefined ? [] : differing(before.settings, record.settings);
    if (other.length > 0) {
      throw new Error(
        `${name} is of a run with another ${other.join(", ")} than ${names[i - 1]}: ${again}, or that one`,
      );
    }
    if (before !== undefined && differing(before.to, record.from).length > 0) {
      throw new Error(`${name} is of another input than ${names[i - 1]}: ${again}, or that one`);
    }
    records.push(record);
  }
  return records;
}

function read(name: string, again: string): ShardRecord {
  const path = recordFile(name);
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch {
    throw new Error(`${path} is missing, which says what ${name} is of: ${again}, which writes both`);
  }
  try {
    const record = JSON.parse(content) as ShardRecord;
    if (record.version === VERSION) return record;
  } catch {} // not JSON
  throw new Error(`${path} is no record of this version of embed: ${again}`);
}
