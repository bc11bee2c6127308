import { createReadStream, readdirSync, statSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { Command } from "commander";
import { type SimpleName, simpleFormat } from "../formats.ts";
import { examples } from "../help.ts";
import { type Output, openOutput } from "../output.ts";
import { openParquet, readColumns } from "./parquet-in.ts";
import { parquetFormat } from "./parquet-out.ts";
import { aboutOf } from "./settings.ts";
import { shardFile } from "./shard.ts";
import { recordsOf, type ShardRecord } from "./shard-record.ts";

export function mergeCommand(): Command {
  const command = new Command("merge")
    .description("Put the outputs of embed --shard together: the bytes of a run without shards.")
    .argument("<output>", "the --output that was given to embed; its shards and their records (.shard) lie beside it");
  return examples(command, [
    "munjang embed -f sentences.txt -o all.npy --shard 1/2",
    "munjang embed -f sentences.txt -o all.npy --shard 2/2",
    "munjang merge all.npy",
  ]).action(merge);
}

async function merge(target: string): Promise<void> {
  const paths = shardsOf(target);
  const records = await recordsOf(paths);
  const shards = paths.map((path, i) => ({ path, ...records[i] }));
  const count = shards.reduce((sum, { vectors }) => sum + vectors, 0);
  const output = await openOutput(target);
  try {
    await (records[0].settings.output.format === "parquet" ? groups(shards, output) : bytes(shards, output, count));
    await output.finish();
    process.stderr.write(`munjang: ${paths.length} shards, ${count} vectors, put together in ${target}\n`);
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

interface Part extends ShardRecord {
  readonly path: string;
}

/** What stands between the head and the tail of every shard. */
async function bytes(shards: readonly Part[], output: Output, count: number): Promise<void> {
  const { settings } = shards[0];
  const name = settings.output.format as SimpleName;
  const format = simpleFormat(name, aboutOf(settings));
  const [head, tail] = [format.head(), format.tail()];
  await output.write(format.finalHead?.(count) ?? head);
  let before = 0;
  for (const { path, file, vectors } of shards) {
    if (vectors === 0) continue;
    if (before > 0 && name === "json") await output.write(",\n");
    before += vectors;
    const range = { start: Buffer.byteLength(head), end: file.bytes - Buffer.byteLength(tail) - 1 };
    for await (const chunk of createReadStream(path, range)) await output.write(chunk as Buffer);
  }
  await output.write(tail);
}

/** Row groups do not end where shards do: rows are read and written anew. */
async function groups(shards: readonly Part[], output: Output): Promise<void> {
  const { settings } = shards[0];
  const { every = 1 } = settings.output;
  const format = parquetFormat(aboutOf(settings));
  const endBlock = async (): Promise<void> => output.write(format.block?.().bytes ?? "");
  await output.write(format.head());
  let count = 0;
  for (const { path } of shards) {
    const file = await openParquet(path);
    for await (const { row, text, embedding } of readColumns(file, ["row", "text", "embedding"], 0, file.rows)) {
      const number = Number(row);
      format.row({ number, next: number, text: String(text) }, embedding as Float32Array, count++);
      if (count % every === 0) await endBlock();
    }
  }
  if (count % every !== 0) await endBlock();
  await output.write(format.tail());
}
