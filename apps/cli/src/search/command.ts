import { relative } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { examples } from "../help.ts";
import { Usage } from "../input.ts";
import { loadModel, type ModelFlags, wholeNumber, withModel } from "../model.ts";
import { openOutput } from "../output.ts";
import { countOf, showProgress } from "../progress.ts";
import { printable } from "../terminal.ts";
import type { Condition, SearchOptions, VectorKind } from "./index.ts";

interface PlaceFlags extends ModelFlags {
  database: string;
  schema: string;
  json?: boolean;
}

interface IndexFlags extends PlaceFlags {
  reindex?: boolean;
  vectors?: VectorKind;
  hnsw?: boolean;
  chunkTokens?: number;
  overlap?: number;
  columns?: string[];
  include?: string[];
  exclude?: string[];
}

interface SearchFlags extends PlaceFlags {
  limit: number;
  path?: string[];
  where?: Condition[];
  by: "hybrid" | "vectors" | "words";
  exact?: boolean;
}

const DATABASE = new Option("-d, --database <place>", "a folder, or postgres://… of a server with pgvector")
  .default(".munjang")
  .env("MUNJANG_DATABASE");

function withPlace(command: Command): Command {
  return command
    .addOption(DATABASE)
    .option("--schema <name>", "the index's own schema in the database, where it has several", "munjang");
}

export function indexCommand(): Command {
  const command = withPlace(
    new Command("index")
      .description("Index files for `munjang search`, or bring the index up to date.")
      .argument("[paths...]", "files and folders (default: this folder)"),
  )
    .option("--reindex", "throw away what is there and start anew; another model needs it")
    .option("--hnsw", "build a graph (HNSW): for a hundred thousand chunks and more")
    .option("--no-hnsw", "drop the graph and compare all vectors")
    .addOption(
      new Option(
        "--vectors <kind>",
        "float32, float16 (half the size), or float32 with signs that find candidates (default: vector)",
      ).choices(["vector", "halfvec", "bit"]),
    )
    .option("--chunk-tokens <n>", "tokens of a chunk, at most what the model reads (default: 128)", wholeNumber)
    .option("--overlap <n>", "tokens a chunk shares with the one before (default: 24)", numberFromZero)
    .option("--columns <names>", "columns of CSV and JSON lines that are embedded, with commas between", list)
    .option("--include <glob>", "read these files as text too (may be given again)", collect)
    .option("--exclude <glob>", "leave these out (may be given again)", collect)
    .option("--json", "print what was done as JSON");
  return examples(
    withModel(command),
    [
      "munjang index",
      "munjang index notes faq.csv",
      'munjang index notes --exclude "drafts/**" --include "*.log"',
      "munjang index faq.csv --columns question,answer --database faq.index",
      "munjang index notes --hnsw",
    ],
    "Read are text, Markdown, CSV, TSV, JSON lines and PDF. Of folders, what is hidden, what .gitignore names and node_modules are left out; binary files and other kinds are counted. Run it again whenever files have changed: only new texts are embedded, and what is gone under the paths you name is taken out. It can be stopped at any moment, and goes on from there.",
    "The index remembers its model; another is refused. On a server the database is made first (createdb), and MUNJANG_DATABASE holds an address better than a command line, which others can read.",
  ).action(makeIndex);
}

export function searchCommand(): Command {
  const command = withPlace(
    new Command("search")
      .description("Search an index by meaning and by words.")
      .argument("<query...>", "what to look for"),
  )
    .option("-n, --limit <n>", "results", wholeNumber, 10)
    .option("-p, --path <glob>", "only in these files (may be given again)", collect)
    .option(
      "-w, --where <condition>",
      "only records of CSV or JSON lines with column=value, !=, <, <=, > or >= (may be given again)",
      collectConditions,
    )
    .addOption(
      new Option("--by <what>", "what the order is by").choices(["hybrid", "vectors", "words"]).default("hybrid"),
    )
    .option("--exact", "compare all vectors in full, without a graph (HNSW) or signs (bit)")
    .option("--json", "print JSON");
  return examples(
    withModel(command),
    [
      'munjang search "여행 준비물"',
      'munjang search "여행 준비물" --limit 3 --path "notes/**"',
      'munjang search "환불이 되나요" --where topic=결제 --json',
      'munjang search "환불" --by words',
    ],
    "The number behind a file is the model's similarity. The order is by reciprocal rank fusion of two rankings: by vectors, and by words, where Korean is compared by pairs of letters, so that particles do not matter.",
  ).action(findInIndex);
}

async function makeIndex(paths: string[], flags: IndexFlags): Promise<void> {
  const { index } = await import("./index.ts");
  const { shownReport } = await import("./show.ts");
  const { model: modelName, database, schema, json, ...options } = flags;
  const model = await loadModel(flags);
  try {
    const progress = showProgress(countOf("chunks"));
    const done = await index(model, paths.length === 0 ? ["."] : paths, {
      ...{ ...options, database, schema, modelName },
      onFile: (files, total, chunks) => progress.update("index", files, total, chunks),
    }).finally(() => progress.stop());
    for (const { path, files } of done.vanished) {
      process.stderr.write(
        `munjang: ${printable(path)} is no more; ${files} ${files === 1 ? "file" : "files"} taken out of the index\n`,
      );
    }
    for (const { path, why } of [...done.failed, ...done.passedOver.unreadable]) {
      process.stderr.write(
        `munjang: ${printable(relative(process.cwd(), path) || path)} ${why.replace(/\s+/g, " ")}\n`,
      );
    }
    const { passedOver, settings, ...rest } = done;
    const output = await openOutput(undefined);
    if (json) {
      const otherKinds = Object.fromEntries(passedOver.otherKinds);
      const { identity, nearness, vectors, hnsw } = settings;
      await output.write(`${JSON.stringify({ ...rest, otherKinds, identity, nearness, vectors, hnsw })}\n`);
    } else {
      const { withoutPassword } = await import("./server.ts");
      for (const line of shownReport(done, withoutPassword(database))) await output.write(`${line}\n`);
    }
    const bad = done.failed.length + passedOver.unreadable.length;
    if (bad > 0)
      throw new Error(`${bad} ${bad === 1 ? "file" : "files"} could not be read; everything else is indexed`);
  } finally {
    await model.dispose();
  }
}

async function findInIndex(words: string[], flags: SearchFlags): Promise<void> {
  const query = words.join(" ").trim();
  if (query === "") throw new Usage("the query is empty");
  const { openIndex } = await import("./index.ts");
  const { shownHits, useColour } = await import("./show.ts");
  const { model: modelName, database, schema, limit, path, where, by, exact, json } = flags;
  const model = by === "words" ? undefined : await loadModel(flags, { threads: flags.threads ?? 0 }); // one text needs no team
  try {
    const index = await openIndex(model, { database, schema, modelName });
    try {
      const options: SearchOptions = { limit, paths: path, where, by, exact };
      const hits = await index.search(query, options);
      if (!index.settled) {
        process.stderr.write(
          "munjang: the index is not complete: munjang index is still at work, or was stopped and is to be run again\n",
        );
      }
      const output = await openOutput(undefined);
      if (json) await output.write(`${JSON.stringify({ query, by, nearness: index.settings.nearness, hits })}\n`);
      else if (hits.length > 0) await output.write(shownHits(hits, useColour()));
      else process.stderr.write("munjang: nothing found\n");
    } finally {
      await index.close();
    }
  } finally {
    await model?.dispose();
  }
}

function numberFromZero(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("it must be a whole number from 0 up.");
  return Number(text);
}

function list(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === "")) throw new InvalidArgumentError("it must be names with commas between.");
  return names;
}

function collect(value: string, before: string[] = []): string[] {
  if (value === "") throw new InvalidArgumentError("it must not be empty.");
  return [...before, value];
}

function collectConditions(text: string, before: Condition[] = []): Condition[] {
  const [, column, operator, value] = /^(.+?)(!=|<=|>=|=|<|>)(.*)$/s.exec(text) ?? [];
  if (column === undefined) throw new InvalidArgumentError("it must be like column=value or column>=number.");
  const condition = { column: column.trim(), operator: operator as Condition["operator"], value: value.trim() };
  if (/[<>]/.test(operator) && (value.trim() === "" || !Number.isFinite(Number(value)))) {
    throw new InvalidArgumentError(`${operator} compares numbers, and "${value.trim()}" is none.`);
  }
  return [...before, condition];
}
