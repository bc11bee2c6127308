import type { SentenceTransformer } from "munjang";
import { type InputFlags, openLines, tellEmpty, Usage } from "./input.ts";
import { parseLine } from "./lines.ts";
import type { Output } from "./output.ts";
import { columns, fitting, printable } from "./terminal.ts";

export interface PairFlags extends InputFlags {
  fields: string;
  json?: boolean;
}

export interface Pair {
  readonly texts: readonly [a: string, b: string];
  /** How much of the input lies behind it, in the unit of `sizeOf`. */
  readonly position: number;
}

/**
 * Pairs of texts: arguments by twos, or lines with a tab between two texts, or JSON lines: `["…", "…"]`, or objects with two fields.
 * Empty lines are passed over; a line that is no pair is an error.
 */
export async function* readPairs(texts: readonly string[], flags: PairFlags): AsyncGenerator<Pair, void, void> {
  if (texts.length > 0) {
    if (flags.file !== undefined) throw new Usage("give texts or --file, not both");
    if (texts.length % 2 === 1) throw new Usage(`${texts.length} texts are not pairs: the last has no other`);
    for (const [i, text] of texts.entries()) if (text.trim() === "") throw new Usage(`text ${i + 1} is empty`);
    for (let i = 0; i < texts.length; i += 2) yield { texts: [texts[i], texts[i + 1]], position: i + 2 };
    return;
  }
  const { name, json, lines } = openLines(flags);
  const fields = flags.fields.split(",");
  if (fields.length !== 2) throw new Usage("--fields takes two names with a comma between them");
  let bytes = 0;
  let number = 0;
  let empty = 0;
  for await (const line of lines) {
    number++;
    bytes += Buffer.byteLength(line) + 1;
    if (line.trim() === "") empty++;
    else {
      const pair = json ? fromJson(parseLine(line, name, number), fields) : line.split("\t");
      const [a, b] = pair;
      const good = pair.length === 2 && pair.every((text) => typeof text === "string" && text.trim() !== "");
      if (!good) {
        const wanted = json
          ? `an array of two texts, or an object with ${fields.join(" and ")}`
          : "two texts with a tab between them";
        throw new Error(`line ${number} of ${name} must be ${wanted}`);
      }
      yield { texts: [a as string, b as string], position: bytes };
    }
  }
  if (number === empty) throw new Error(`no text in ${name}`);
  tellEmpty(empty, "empty", name);
}

function fromJson(value: unknown, fields: readonly string[]): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return [];
  return fields.map((field) => (Object.hasOwn(value, field) ? (value as Record<string, unknown>)[field] : undefined));
}

/** Prints the similarity of every pair as it is known; any number of pairs takes the same memory. `onPair` is told each after that. */
export async function printPairs(
  model: SentenceTransformer,
  pairs: AsyncIterable<Pair>,
  output: Output,
  json: boolean,
  onPair: (done: number, pair: Pair) => void,
): Promise<void> {
  const waiting: Pair[] = [];
  async function* texts(): AsyncGenerator<string> {
    for await (const pair of pairs) {
      waiting.push(pair);
      yield* pair.texts;
    }
  }
  let first: Float32Array | undefined;
  let done = 0;
  for await (const vector of model.encodeStream(texts())) {
    if (first === undefined) first = vector;
    else {
      const value = model.similarityPairwise(first, vector)[0];
      const pair = waiting.shift() as Pair;
      await output.write(line(pair.texts, value, json));
      onPair(++done, pair);
      first = undefined;
    }
  }
}

function line([a, b]: Pair["texts"], similarity: number, json: boolean): string {
  if (json) return `${JSON.stringify({ a, b, similarity: Number(similarity.toPrecision(9)) })}\n`;
  const room = columns();
  // Two spaces on a terminal, where both texts share the rest of the line; a tab in a pipe, as in the input.
  if (room === undefined) return `${[similarity.toFixed(4), printable(a), printable(b)].join("\t")}\n`;
  const taken = room - Math.floor((room - 12) / 2);
  return `${similarity.toFixed(4).padStart(7)}  ${fitting(a, taken)}  ${fitting(b, taken)}\n`;
}
