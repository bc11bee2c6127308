import { statSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import type { SentenceTransformer } from "munjang";
import type { EmbedFlags } from "../embed.ts";
import { type Format, type FormatName, NEEDS_FILE, simpleFormat } from "../formats.ts";
import { Usage } from "../input.ts";
import { type Output, openOutput } from "../output.ts";
import { countOf, type Progress, showProgress } from "../progress.ts";
import { type Journal, openJournal } from "./checkpoint.ts";
import { parquetFormat } from "./parquet-out.ts";
import { lock, openPart, type PartFiles, partFiles } from "./part.ts";
import { complaint, type Row, type Rows } from "./row.ts";
import { type Done, embedRows, finish, type Work } from "./run.ts";
import { aboutOf, settingsOf, settingsOfRun } from "./settings.ts";
import { forget, remember } from "./shard-record.ts";

/** One run of `munjang embed`. */
export interface Job {
  readonly source: Rows;
  readonly format: FormatName;
  readonly flags: EmbedFlags;
  load(): Promise<SentenceTransformer>;
}

/** From the first row to the last; what is cut in the middle leaves nothing behind. */
export async function simple(job: Job): Promise<void> {
  const { source, format, flags, load } = job;
  const rows = source.read(source.from);
  try {
    const first = await rows.next(); // so that a wrong command line is told before a model is loaded
    const model = await load();
    const progress = progressOf(flags);
    try {
      const output = await openOutput(flags.output);
      try {
        if (NEEDS_FILE.includes(format) && !output.seekable)
          throw new Usage(`${format} needs a file, not ${flags.output}`);
        const work: Work = { ...workOf(job, model, output, progress), rows: from(first, rows) };
        await complete(job, work, progress);
      } catch (error) {
        output.discard();
        throw error;
      }
    } finally {
      progress?.stop();
      await model.dispose();
    }
  } finally {
    await rows.return(); // lets go of standard input where something failed
  }
}

/** The same, but that it goes on where the last run with the same settings ended, and is gone on with where it ends itself. */
export async function resumable(job: Job): Promise<void> {
  const { flags } = job;
  if (!statSync(flags.file ?? "").isFile())
    throw new Usage(`--resume needs a file, not ${flags.file}: it is read again`);
  const files = await partFiles(flags.output ?? "");
  const unlock = lock(files);
  try {
    const model = await job.load();
    try {
      const { source, format } = job;
      const settings = settingsOfRun(settingsOf(source, format, flags, model), source, flags);
      const journal = await openJournal(files.checkpoint, settings);
      try {
        await goOn(job, model, files, journal);
      } catch (error) {
        await journal.close();
        throw error;
      }
      await journal.remove();
    } finally {
      await model.dispose();
    }
  } finally {
    unlock();
  }
}

async function goOn(job: Job, model: SentenceTransformer, files: PartFiles, journal: Journal) {
  const { source, flags } = job;
  const { last, notes } = journal;
  const there = await stat(files.part).catch(() => undefined);
  if (journal.complete && there === undefined && (await stat(files.target).catch(() => undefined)) !== undefined) {
    await rememberShard(job, model, last?.rows ?? 0);
    process.stderr.write(`munjang: ${flags.output} is complete already\n`);
    return;
  }
  if (last !== undefined && (there === undefined || there.size < last.bytes)) {
    throw new Error(`${files.part} is missing or too short: delete ${files.checkpoint} to begin anew`);
  }
  if (last !== undefined) process.stderr.write(`munjang: going on behind ${last.rows} vectors\n`);
  const part = await openPart(files, last?.bytes ?? 0);
  const progress = progressOf(flags);
  let kept = last !== undefined;
  try {
    const plan = workOf(job, model, part, progress);
    if (last !== undefined) plan.format.goOn?.(notes, last.bytes);
    const rows = source.read(last?.place ?? source.from);
    const work: Work = {
      ...plan,
      rows,
      last,
      checkpoint: async (state) => {
        await journal.append({ ...state, bytes: await part.sync() });
        kept = true;
      },
    };
    try {
      await complete(job, work, progress, () => journal.append("complete"));
    } finally {
      await rows.return();
    }
  } catch (error) {
    await part.close().catch(() => {});
    if (!kept) {
      await rm(files.part, { force: true });
      await journal.remove();
    } else if (error instanceof Error && !(error instanceof Usage)) {
      error.message += "; what is done is kept: run the same command to go on";
    }
    throw error;
  } finally {
    progress?.stop();
  }
}

/** Does the work, ends the output, and tells what was passed over. */
async function complete(
  job: Job,
  work: Work,
  progress: Progress | undefined,
  beforeTheEnd?: () => Promise<void>,
): Promise<void> {
  const { source, flags } = job;
  const done = await embedRows(work);
  if (done.rows === 0 && flags.shard === undefined && !flags.stream) throw new Error(`no text in ${source.name}`);
  await beforeTheEnd?.();
  if (flags.shard !== undefined && flags.output !== undefined) forget(flags.output);
  await finish(work, done);
  await rememberShard(job, work.model, done.rows);
  progress?.stop();
  tell(done, source, flags, work.width);
}

async function rememberShard({ source, format, flags }: Job, model: SentenceTransformer, vectors: number) {
  const { shard, output } = flags;
  if (shard === undefined || output === undefined || source.marks === undefined) return;
  await remember(output, { shard, settings: settingsOf(source, format, flags, model), ...source.marks, vectors });
}

function workOf(
  { source, format: name, flags }: Job,
  model: SentenceTransformer,
  output: Output,
  progress: Progress | undefined,
): Omit<Work, "rows"> {
  const { precision, normalize, truncateDim, prompt, promptName } = flags;
  const about = aboutOf(settingsOf(source, name, flags, model));
  const format: Format = name === "parquet" ? parquetFormat(about) : simpleFormat(name, about);
  const { at } = source.from;
  const size = Math.max(0, source.to - at);
  const onProgress = (done: number, place: number): void => progress?.update("embed", place - at, size, done);
  return {
    ...{ model, source, format, output, onProgress, width: about.width },
    options: { normalizeEmbeddings: normalize, truncateDim, precision, prompt, promptName },
    together: precision === "int8" || precision === "uint8",
    live: flags.resume !== true && source.to === 0,
    bad: flags.stream ? (row) => errorLine(row, source) : flags.badRows,
    every: flags.checkpointEvery,
  };
}

/** Where vectors go to the same terminal, they show how far the work is. */
function progressOf({ output }: EmbedFlags): Progress | undefined {
  return output === undefined && process.stdout.isTTY ? undefined : showProgress(countOf("texts"));
}

/**
 * What a bad line of `--stream` becomes: its own fields where it has any, and what is wrong. Its number is told on standard error; here it
 * would make the bytes depend on how the lines were shared out.
 */
function errorLine(row: Row, source: Rows): string {
  process.stderr.write(`munjang: ${complaint(source, row)}\n`);
  const error = JSON.stringify(`the ${source.unit} ${row.problem ?? "is empty"}`);
  const fields = row.record?.slice(0, -1).trimEnd();
  return fields === undefined || fields === "{" ? `{"error":${error}}\n` : `${fields},"error":${error}}\n`;
}

function tell(
  { rows, bad, empty }: Done,
  { unit, name }: Rows,
  { output, from, stream, file = "" }: EmbedFlags,
  width: number,
): void {
  if (stream) return; // every line has been told
  const of = (count: number): string => `${count} ${count === 1 ? unit : `${unit}s`}`;
  const json = from === "jsonl" || (from === undefined && /\.(jsonl|ndjson)$/i.test(file));
  const what =
    unit === "line" && !json ? `${empty} empty ${empty === 1 ? unit : `${unit}s`}` : `${of(empty)} without text`;
  if (empty > 0) process.stderr.write(`munjang: passed over ${what} of ${name}\n`);
  if (bad > 0) process.stderr.write(`munjang: ${of(bad)} of ${name} could not be read and have no vector\n`);
  if (output !== undefined) {
    process.stderr.write(`munjang: ${rows} ${rows === 1 ? "vector" : "vectors"} of ${width} written to ${output}\n`);
  }
}

async function* from(
  first: IteratorResult<Row, void>,
  rest: AsyncIterator<Row, void>,
): AsyncGenerator<Row, void, void> {
  for (let next = first; !next.done; next = await rest.next()) yield next.value;
}
