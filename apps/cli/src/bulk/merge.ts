import { createReadStream, readdirSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { Command } from "commander";
import type { Identity, Precision } from "munjang";
import { FORMATS, type FormatName } from "../formats.ts";
import { examples } from "../help.ts";
import { wholeNumber } from "../model.ts";
import { npyHeader } from "../npy.ts";
import { type Output, openOutput } from "../output.ts";
import { safetensorsHeader, TENSOR } from "../safetensors.ts";
import { openParquet, readColumns } from "./parquet-in.ts";
import { parquetFormat } from "./parquet-out.ts";
import { shardFile } from "./shard.ts";

/** Rows of a row group, as `embed` has them by default. */
const EVERY = 2048;

export function mergeCommand(): Command {
  const command = new Command("merge")
    .description("Put the outputs of embed --shard together: the bytes of a run without shards.")
    .argument("<output>", "the --output that was given to embed; its shards lie beside it")
    .option("--checkpoint-every <rows>", "as given to embed; rows of a row group of Parquet", wholeNumber, EVERY);
  return examples(command, [
    "munjang embed -f sentences.txt -o all.npy --shard 1/2",
    "munjang embed -f sentences.txt -o all.npy --shard 2/2",
    "munjang merge all.npy",
  ]).action(merge);
}

async function merge(target: string, { checkpointEvery }: { checkpointEvery: number }): Promise<void> {
  const ending = extname(target).slice(1).toLowerCase();
  const format = FORMATS.find((name) => name === ending) ?? "jsonl";
  const shards = shardsOf(target);
  const output = await openOutput(target);
  try {
    const count = await MERGES[format](shards, output, checkpointEvery);
    process.stderr.write(
      `munjang: ${shards.length} shards${count === undefined ? "" : `, ${count} vectors,`} put together in ${target}\n`,
    );
  } catch (error) {
    output.discard();
    throw error;
  }
}

/** All shards of an output, in order. @throws Error naming one that is not there. */
function shardsOf(target: string): string[] {
  const folder = dirname(target);
  const ending = extname(target);
  const stem = `${basename(target, ending)}-`;
  const counts = new Set<number>();
  for (const name of readdirSync(folder)) {
    const middle =
      name.startsWith(stem) && name.endsWith(ending) && name.slice(stem.length, name.length - ending.length);
    const [, count] = (middle && /^[0-9]{5}-of-([0-9]{5})$/.exec(middle)) || [];
    if (count !== undefined) counts.add(Number(count));
  }
  const example = join(folder, `${stem}00001-of-00002${ending}`);
  if (counts.size === 0) throw new Error(`there are no shards of ${target}: embed --shard writes ${example}, …`);
  if (counts.size > 1) {
    throw new Error(`there are shards of ${target} of ${[...counts].join(" and of ")}: delete those of another run`);
  }
  const [count] = counts;
  const shards = Array.from({ length: count }, (_, i) => shardFile(target, { index: i + 1, count }));
  const missing = shards.find((shard) => statSync(shard, { throwIfNoEntry: false })?.isFile() !== true);
  if (missing !== undefined) throw new Error(`${missing} is missing: run embed with --shard for it, or wait for it`);
  return shards;
}

/** Puts shards together; answers with the number of vectors, where it is known. */
type Merge = (shards: readonly string[], output: Output, every: number) => Promise<number | undefined>;

async function copy(file: string, output: Output, start: number, end?: number): Promise<void> {
  if (end !== undefined && end < start) return;
  for await (const chunk of createReadStream(file, { start, end })) await output.write(chunk as Buffer);
}

const lines: Merge = async (shards, output) => {
  for (const shard of shards) await copy(shard, output, 0);
  await output.finish();
  return undefined;
};

/** The first line, the names of columns, stands once. */
const csv: Merge = async (shards, output) => {
  for (const [i, shard] of shards.entries())
    await copy(shard, output, i === 0 ? 0 : (await firstLine(shard)).length + 1);
  await output.finish();
  return undefined;
};

/** Between `[\n` and `\n]\n` of each. */
const json: Merge = async (shards, output) => {
  await output.write("[\n");
  let empty = true;
  for (const shard of shards) {
    const { size } = statSync(shard);
    if (size <= 5) continue; // `[\n\n]\n`
    if (!empty) await output.write(",\n");
    empty = false;
    await copy(shard, output, 2, size - 4);
  }
  await output.write("\n]\n");
  await output.finish();
  return undefined;
};

interface Matrix {
  readonly rows: number;
  readonly width: number;
  readonly precision: Precision;
  /** The byte at which the numbers begin. */
  readonly start: number;
  readonly identity?: Identity;
}

function matrices(read: (file: string) => Promise<Matrix>, header: (count: number, of: Matrix) => Uint8Array): Merge {
  return async (shards, output) => {
    const all: Matrix[] = [];
    for (const shard of shards) {
      const found = await read(shard);
      const bytes = statSync(shard).size - found.start;
      if (bytes !== found.rows * found.width * (found.precision === "float32" ? 4 : 1))
        throw new Error(`${shard} is cut or damaged`);
      all.push(found);
    }
    const [first] = all;
    const same = ({ width, precision, identity }: Matrix): string => JSON.stringify([width, precision, identity]);
    const other = all.findIndex((one) => same(one) !== same(first));
    if (other > 0) throw new Error(`${shards[other]} is of another model or other options than ${shards[0]}`);
    const count = all.reduce((sum, { rows }) => sum + rows, 0);
    await output.write(header(count, first));
    for (const [i, shard] of shards.entries()) await copy(shard, output, all[i].start);
    await output.finish();
    return count;
  };
}

async function readNpy(file: string): Promise<Matrix> {
  const head = (await firstLine(file)).toString("latin1");
  const found = /'descr': '(<f4|\|i1|\|u1)', 'fortran_order': False, 'shape': \((\d+), (\d+)\)/.exec(head);
  if (found === null) throw new Error(`${file} is no .npy file of munjang`);
  const precision = ({ "<f4": "float32", "|i1": "binary", "|u1": "ubinary" } as const)[
    found[1] as "<f4" | "|i1" | "|u1"
  ];
  return { rows: Number(found[2]), width: Number(found[3]), precision, start: head.length + 1 };
}

async function readSafetensors(file: string): Promise<Matrix> {
  const size = await open(file).then(async (handle) => {
    const { buffer } = await handle.read(Buffer.alloc(8), 0, 8, 0).finally(() => handle.close());
    return Number(buffer.readBigUint64LE());
  });
  try {
    if (size > LONGEST_HEAD) throw new Error("too long");
    const parts: Buffer[] = [];
    for await (const chunk of createReadStream(file, { start: 8, end: 7 + size })) parts.push(chunk as Buffer);
    const { __metadata__: metadata, [TENSOR]: tensor } = JSON.parse(Buffer.concat(parts).toString("utf8"));
    const [rows, width] = tensor.shape;
    const precision = ({ F32: "float32", I8: "binary", U8: "ubinary" } as const)[tensor.dtype as "F32" | "I8" | "U8"];
    return { rows, width, precision, start: 8 + size, identity: JSON.parse(metadata["munjang.identity"]) };
  } catch {
    throw new Error(`${file} is no safetensors file of munjang`);
  }
}

const LONGEST_HEAD = 1 << 20;

async function firstLine(file: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of createReadStream(file, { end: LONGEST_HEAD })) {
    const end = (chunk as Buffer).indexOf(0x0a);
    parts.push(end < 0 ? (chunk as Buffer) : (chunk as Buffer).subarray(0, end));
    if (end >= 0) return Buffer.concat(parts);
  }
  throw new Error(`${file} is no output of munjang`);
}

/** Row groups do not end where shards do: rows are read and written anew. */
const parquet: Merge = async (shards, output, every) => {
  const files = await Promise.all(shards.map(openParquet));
  const identities = files.map(
    ({ metadata }) => metadata.key_value_metadata?.find(({ key }) => key === "munjang.identity")?.value,
  );
  const other = identities.findIndex((one) => one === undefined || one !== identities[0]);
  if (other >= 0) throw new Error(`${shards[other]} is no Parquet of munjang, or of another model than ${shards[0]}`);
  const float = files[0].metadata.schema.at(-1)?.type === "FLOAT";
  const about = {
    width: 0,
    precision: float ? "float32" : "binary",
    identity: JSON.parse(identities[0] ?? ""),
  } as const;
  const format = parquetFormat(about);
  await output.write(format.head());
  let count = 0;
  for (const file of files) {
    for await (const { row, text, embedding } of readColumns(file, ["row", "text", "embedding"], 0, file.rows)) {
      const number = Number(row);
      format.row({ number, next: number, text: String(text) }, embedding as Float32Array, count++);
      if (count % every === 0) await output.write(format.block?.().bytes ?? "");
    }
  }
  if (count % every !== 0) await output.write(format.block?.().bytes ?? "");
  await output.write(format.tail());
  await output.finish();
  return count;
};

const MERGES: Readonly<Record<FormatName, Merge>> = {
  jsonl: lines,
  json,
  csv,
  npy: matrices(readNpy, (count, { width, precision }) => npyHeader(count, width, precision)),
  safetensors: matrices(readSafetensors, (count, { width, precision, identity }) =>
    safetensorsHeader(count, width, precision, identity as Identity),
  ),
  parquet,
};
