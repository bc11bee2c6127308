import type { EncodeOptions, Precision, SentenceTransformer } from "munjang";
import type { Format, Vector } from "../formats.ts";
import type { Output } from "../output.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { badRow, complaint, type Place, type Row, type Rows } from "./row.ts";
import { inTurns, oneWindow, windowsOf } from "./windows.ts";

export interface Work {
  readonly model: SentenceTransformer;
  readonly source: Rows;
  /** Rows of `source`, from where the last checkpoint is. */
  readonly rows: AsyncIterator<Row>;
  readonly format: Format;
  readonly output: Output;
  readonly options: Pick<EncodeOptions, "normalizeEmbeddings" | "truncateDim" | "prompt" | "promptName"> & {
    precision: Precision;
  };
  /** Needs all rows before the first vector is known. */
  readonly together: boolean;
  /** Rows are not waited for; what has come is written. */
  readonly live: boolean;
  /** What a bad row does: nothing is written for it, the work ends, or the line this gives is written. */
  readonly bad: "skip" | "stop" | ((row: Row) => string);
  /** Elements of a row of the output. */
  readonly width: number;
  /** Rows of a block. */
  readonly every: number;
  readonly last?: Checkpoint;
  /** After each block, where the run can be gone on with. */
  readonly checkpoint?: (state: Omit<Checkpoint, "bytes">) => Promise<void>;
  readonly onProgress: (done: number, at: number) => void;
}

export interface Done {
  readonly rows: number;
  readonly bad: number;
  readonly empty: number;
}

/** Turns all rows into vectors and writes them, in order. */
export async function embedRows(work: Work): Promise<Done> {
  const { model, source, rows: input, format, output, options, bad, every } = work;
  let { rows, bad: badRows, empty } = work.last ?? { rows: 0, bad: 0, empty: 0 };
  let place: Place = work.last?.place ?? source.from;
  let begun = work.last !== undefined;
  const begin = async (): Promise<void> => {
    if (!begun) await output.write(format.head());
    begun = true;
  };
  const endBlock = async (): Promise<void> => {
    await begin();
    const block = format.block?.();
    if (block !== undefined) await output.write(block.bytes);
    await work.checkpoint?.({ place, rows, bad: badRows, empty, note: block?.note });
  };

  const compute = async (window: Row[]): Promise<Vector[]> => {
    const wrong = bad === "stop" && work.together ? window.find(({ problem }) => problem !== undefined) : undefined;
    if (wrong !== undefined) throw badRow(source, wrong); // before all of them have been computed for nothing
    const texts = window.flatMap(({ text }) => (text === undefined ? [] : [text]));
    if (work.together && texts.length < 2) {
      throw new Error(
        `one text has no smallest and largest numbers: --precision ${options.precision} needs two or more`,
      );
    }
    if (texts.length === 0) return [];
    if (!work.together) return model.encode(texts, options);
    return model.encode(texts, { ...options, onProgress: ({ done }) => work.onProgress(done, window[done - 1].next) });
  };

  const write = async (window: Row[], vectors: Vector[]): Promise<void> => {
    let n = 0;
    for (const row of window) {
      place = { at: row.next, rows: row.number };
      if (row.text !== undefined) {
        await begin();
        await output.write(format.row(row, vectors[n++], rows++));
        if (rows % every === 0) await endBlock();
        continue;
      }
      if (typeof bad === "function") await output.write(bad(row));
      if (row.problem === undefined) empty++;
      else {
        if (bad === "stop") throw badRow(source, row);
        badRows++;
        if (bad === "skip") process.stderr.write(`munjang: ${complaint(source, row)}; passed over\n`);
      }
    }
    work.onProgress(rows, place.at);
  };

  work.onProgress(rows, place.at);
  await inTurns(work.together ? oneWindow(input) : windowsOf(input, work.live), compute, write);
  if (rows % every !== 0) await endBlock();
  return { rows, bad: badRows, empty };
}

/** Ends the output: what stands behind the rows, and at the beginning once their number is known. */
export async function finish({ format, output }: Work, { rows }: Done): Promise<void> {
  if (rows === 0) await output.write(format.head());
  await output.write(format.tail());
  await output.finish(format.finalHead?.(rows));
}
