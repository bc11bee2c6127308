import { type FileHandle, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Converted, convert, type ModelSink, type StoredType } from "munjang/quantize";
import prettyBytes from "pretty-bytes";
import { examples } from "./help.ts";
import { readItems, Usage } from "./input.ts";
import { modelOf, watchFiles } from "./model.ts";
import { cannotWrite, nameBeside, openOutput, removeOnSignal } from "./output.ts";
import { countOf, showProgress } from "./progress.ts";

interface Flags {
  dtype: StoredType;
  words?: StoredType;
  maxShardSize?: number;
  calibration?: string;
  revision?: string;
  cacheDir?: string;
  json?: boolean;
}

const TYPES = ["int8", "float16"];

export function convertCommand(): Command {
  const command = new Command("convert")
    .description("Write a model with smaller weights, int8 or float16, to a folder of its own.")
    .argument("<model>", "a folder, an installed weights package, or owner/name on the hub")
    .argument("<folder>", "where the new model goes; it must not exist")
    .addOption(new Option("--dtype <type>", "what the weights become").choices(TYPES).default("int8"))
    .addOption(new Option("--words <type>", "what the word table becomes (default: the same)").choices(TYPES))
    .option("--max-shard-size <size>", "write several files, each with tensors of at most this size, as 25MB", sizeOf)
    .option("--calibration <file>", "texts that are typical of yours, one a line (default: some of our own)")
    .option("--revision <name>", "branch, tag or commit of a model on the hub")
    .option("--cache-dir <folder>", "cache of models from the hub (default: the one Python uses)")
    .option("--json", "print files and cosines as JSON");
  return examples(
    command,
    [
      "munjang convert snunlp/KR-SBERT-V40K-klueNLI-augSTS kr-sbert-int8",
      "munjang convert path/to/model small --max-shard-size 25MB --calibration sentences.txt",
    ],
    "int8 is a quarter of float32. It runs the calibration texts through the model to see how large its numbers grow, and says how near the new vectors are to the old ones. The new folder is complete or not there.",
  ).action(convertModel);
}

async function convertModel(model: string, folder: string, flags: Flags): Promise<void> {
  const { calibration, json, ...options } = flags;
  const target = resolve(folder);
  if (folder === "") throw new Usage("the new model needs the name of a folder");
  if ((await lstat(target).catch(() => undefined)) !== undefined) {
    throw new Error(`${folder} is there already: name a folder that is not`);
  }
  const texts = calibration === undefined ? undefined : await linesOf(calibration);
  const beside = nameBeside(target, true);
  const forget = removeOnSignal(beside);
  const { watch, stop: stopFiles } = watchFiles();
  const progress = showProgress(countOf("layers"));
  let result: Converted;
  try {
    await mkdir(dirname(target), { recursive: true });
    await mkdir(beside);
    result = await convert(modelOf(model), folderSink(beside), {
      ...options,
      calibration: texts,
      onProgress: watch,
      onConvert: ({ done, total }) => progress.update("convert", done, total),
    });
    await rename(beside, target);
  } catch (error) {
    await rm(beside, { recursive: true, force: true }).catch(() => {}); // what went wrong before is what matters
    const { code = "", path = "", syscall } = error as NodeJS.ErrnoException;
    if (syscall === "rename") throw new Error(`${folder} has come to be meanwhile: nothing is written`);
    throw path.startsWith(dirname(target)) || code === "ENOSPC"
      ? cannotWrite(folder, error as NodeJS.ErrnoException)
      : error;
  } finally {
    stopFiles();
    progress.stop();
    forget();
  }
  const { files, cosine } = result;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const near =
    cosine === undefined
      ? ""
      : `; cosines with the old vectors of ${cosine.texts} calibration texts: ${cosine.mean.toFixed(5)} on average, ${cosine.least.toFixed(5)} at least`;
  process.stderr.write(`munjang: ${files.length} files, ${prettyBytes(bytes)}${near}\n`);
  const output = await openOutput(undefined);
  await output.write(json ? `${JSON.stringify({ folder: target, ...options, bytes, ...result })}\n` : `${target}\n`);
}

/** A folder that files are written to. */
function folderSink(folder: string): ModelSink {
  return {
    model: () => folder,
    async create(path) {
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      const handle = await open(file, "wx");
      return {
        write: (bytes, at) => writeAll(handle, bytes, at),
        async close() {
          await handle.sync();
          await handle.close();
        },
      };
    },
  };
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await handle.write(bytes, written, bytes.length - written, at + written)).bytesWritten;
  }
}

/** Texts of a file, read and refused like those to be embedded. */
async function linesOf(file: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of readItems([], { file, field: "text" })) texts.push(text);
  return texts;
}

/** A size as people write it: 25MB, 25MiB, 100 kB, 1GB, or bytes. */
function sizeOf(text: string): number {
  const [, digits, unit = "", binary] = /^(\d+(?:\.\d+)?) ?([kmg]?)(i?)b?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(digits) * (binary ? 1024 : 1000) ** " kmg".indexOf(unit.toLowerCase() || " "));
  if (!Number.isSafeInteger(bytes) || bytes < 1) throw new InvalidArgumentError("it must be a size, as 25MB.");
  return bytes;
}
