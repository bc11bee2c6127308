import { Command, Option } from "commander";
import type { Precision, SentenceTransformer } from "munjang";
import { type Job, resumable, simple } from "./bulk/job.ts";
import type { FromName } from "./bulk/row.ts";
import { FROM, openRows, rowsOf } from "./bulk/rows.ts";
import { type Shard, shardFile, shardOf } from "./bulk/shard.ts";
import { FORMATS, type FormatName, NEEDS_FILE } from "./formats.ts";
import { examples } from "./help.ts";
import { Usage, withInput } from "./input.ts";
import { loadModel, type ModelFlags, wholeNumber, withModel } from "./model.ts";
import { checkPlaces } from "./places.ts";

export interface EmbedFlags extends ModelFlags {
  file?: string;
  from?: FromName;
  field: string;
  format?: FormatName;
  json?: boolean;
  base64?: boolean;
  output?: string;
  normalize?: boolean;
  truncateDim?: number;
  precision: Precision;
  prompt?: string;
  promptName?: string;
  batchTokens?: number;
  badRows: "stop" | "skip";
  resume?: boolean;
  checkpointEvery: number;
  shard?: Shard;
  stream?: boolean;
}

/** Rows that are computed anew at most after an end in the middle; rows of a row group of Parquet. */
const EVERY = 2048;

export function embedCommand(): Command {
  const command = new Command("embed")
    .description("Turn texts into vectors, one a line of output.")
    .argument("[texts...]", "texts; without any, rows of --file or of standard input");
  withInput(command, FROM)
    .addOption(
      new Option("--format <format>", "form of the output (default: the ending of --output, else jsonl)").choices(
        FORMATS,
      ),
    )
    .option("--json", "the same as --format jsonl")
    .option("--base64", "vectors in JSON as base64 of their bytes, float32 little-endian")
    .option("-o, --output <file>", "write to a file, which appears when it is complete")
    .option("-n, --normalize", "divide every vector by its length")
    .option("--truncate-dim <n>", "keep the first n numbers of every vector", wholeNumber)
    .addOption(
      new Option("--precision <type>", "elements of the vectors: bytes, or eight bits to a byte")
        .choices(["float32", "int8", "uint8", "binary", "ubinary"])
        .default("float32"),
    )
    .option("-p, --prompt <text>", "text to put before every text")
    .option("--prompt-name <name>", "one of the model's own prompts to put before every text")
    .option("--batch-tokens <n>", "tokens computed at once", wholeNumber)
    .addOption(
      new Option(
        "--bad-rows <what>",
        "what a row without a text that can be read does: end the work, or no more than be told",
      )
        .choices(["stop", "skip"])
        .default("stop"),
    )
    .option("--resume", "keep what is done where the work is cut, and go on there when run again")
    .option(
      "--checkpoint-every <rows>",
      "rows that --resume may have to do again, and of a row group of Parquet",
      wholeNumber,
      EVERY,
    )
    .option("--shard <k/n>", "do the k-th of n parts of --file; munjang merge puts their outputs together", shardOf)
    .option("--stream", "a line of JSON out for every line in, as they come; a bad one gives an error in its place");
  return examples(
    withModel(command),
    [
      'munjang embed "잠이 옵니다" "졸음이 옵니다"',
      "munjang embed -f sentences.txt -n -o embeddings.npy",
      "munjang embed --file records.jsonl --field title",
      "munjang embed -f sentences.txt -o a.npy --precision int8",
      "cat sentences.txt | munjang embed --format csv > out.csv",
      "munjang embed -f table.csv -o all.parquet --resume",
      "munjang embed -f sentences.txt -o all.npy --shard 1/2",
      "munjang embed --stream --from jsonl < records.jsonl",
    ],
    'Output is in the order of the input: {"text": …, "embedding": […]} a line, or the objects of JSON lines with "embedding" added. json makes one array of them, csv a table, npy a matrix for numpy.load, safetensors the same as the tensor "embeddings" (these two into a file of --output), parquet the columns row, text and embedding.',
    "--precision is what quantize_embeddings of sentence-transformers does: int8 and uint8 between the smallest and the largest number of every dimension in this very input, which is held in memory for that, and of which the bytes depend; binary and ubinary the signs, which do not.",
  ).action(embed);
}

async function embed(texts: string[], flags: EmbedFlags): Promise<void> {
  const format = chooseFormat(flags);
  check(texts, flags, format);
  const json = format === "jsonl" || format === "json";
  const added = flags.stream ? ["embedding", "error"] : json ? ["embedding"] : [];
  const source = texts.length > 0 ? rowsOf(texts) : await openRows({ ...flags, added });
  const output =
    flags.shard === undefined || flags.output === undefined ? flags.output : shardFile(flags.output, flags.shard);
  checkPlaces({ "--output": output }, { "--file": flags.file });
  const job: Job = { source, format, flags: { ...flags, output }, load: () => load(flags) };
  await (flags.resume ? resumable(job) : simple(job));
}

function load(flags: EmbedFlags): Promise<SentenceTransformer> {
  return loadModel(flags, { tokensPerBatch: flags.batchTokens });
}

function chooseFormat({ format, json, output = "" }: EmbedFlags): FormatName {
  if (json && format !== undefined && format !== "jsonl") throw new Usage(`--json is not --format ${format}`);
  if (json) return "jsonl";
  const ending = /\.([a-z]+)$/i.exec(output)?.[1].toLowerCase();
  const chosen = format ?? FORMATS.find((name) => name === ending) ?? "jsonl";
  if (NEEDS_FILE.includes(chosen) && output === "") {
    throw new Usage(`${chosen} needs --output FILE: the number of rows is written at its beginning in the end`);
  }
  return chosen;
}

/** Options that have no meaning together. */
function check(texts: readonly string[], flags: EmbedFlags, format: FormatName): void {
  const { file, from, output, precision, base64, resume, shard, stream } = flags;
  const fromFile = file !== undefined && file !== "-";
  if (texts.length > 0) {
    if (file !== undefined) throw new Usage("give texts or --file, not both");
    if (from !== undefined) throw new Usage("--from is for --file and standard input");
    if (stream) throw new Usage("--stream is for standard input: give no texts");
  }
  if (base64 && format !== "jsonl" && format !== "json") throw new Usage(`--base64 is for JSON, not for ${format}`);
  if (precision === "int8" || precision === "uint8") {
    const option = resume ? "--resume" : shard ? "--shard" : stream ? "--stream" : undefined;
    if (option)
      throw new Usage(`--precision ${precision} needs all rows before the first is known: leave out ${option}`);
  }
  if (resume && !fromFile) throw new Usage("--resume needs --file FILE: what is read again must be the same");
  if (resume && !output) throw new Usage("--resume needs --output FILE");
  if (shard && !fromFile) throw new Usage("--shard needs --file FILE");
  if (!stream) return;
  if (fromFile) throw new Usage("--stream is for standard input: leave out --file, or write < FILE");
  if (output !== undefined || format !== "jsonl") throw new Usage("--stream writes lines of JSON to standard output");
  if (from === "csv" || from === "parquet") throw new Usage(`--stream reads lines: --from text or jsonl, not ${from}`);
}
