import { Command } from "commander";
import type { LoadProgress, ModelSource, SentenceTransformer } from "munjang";
import { openPytorch } from "munjang/pytorch";
import { openSafetensors } from "munjang/safetensors";
import { mini } from "munjang-mini-ko";
import prettyBytes from "pretty-bytes";
import { type Architecture, countParameters, print, readArchitecture } from "./architecture.ts";
import { type Checked, check } from "./check.ts";
import { examples } from "./help.ts";
import { Usage } from "./input.ts";
import { loadWithSource, type ModelFlags, withModel } from "./model.ts";
import { openOutput } from "./output.ts";
import { columns, fitting, folded, printable, table } from "./terminal.ts";

interface Flags extends ModelFlags {
  check?: boolean;
  json?: boolean;
}

export function infoCommand(): Command {
  const command = new Command("info")
    .description("Show what a model is: architecture, files, parameters, memory, limits, identity.")
    .argument("[model]", "the same as --model")
    .option("--check", "compare cosines with the published ones (KR-SBERT, and the bundled model)")
    .option("--json", "print JSON");
  return examples(
    withModel(command),
    ["munjang info", "munjang info --check", "munjang info --json", "munjang info --model path/to/model"],
    "The model is loaded, so what is shown is known to run. With --check the exit code is 1 where a cosine differs.",
  ).action(info);
}

async function info(named: string | undefined, flags: Flags, command: Command): Promise<void> {
  if (named !== undefined && command.getOptionValueSource("model") === "cli") throw new Usage("give the model once");
  const chosen = { ...flags, model: named ?? flags.model };
  const sizes = new Map<string, number>();
  const before = process.memoryUsage();
  const onProgress = ({ file, total }: LoadProgress): void => void sizes.set(file, total);
  const { model, source } = await loadWithSource(chosen, { onProgress });
  try {
    const after = process.memoryUsage();
    const about = await gather(model, source, chosen, sizes);
    const memory = {
      held: Math.max(0, after.arrayBuffers - before.arrayBuffers) + Math.max(0, after.heapUsed - before.heapUsed),
      peak: process.resourceUsage().maxRSS * 1024,
    };
    const checked = flags.check ? await check(model, chosen.model, about.architecture) : undefined;
    const output = await openOutput(undefined);
    await output.write(flags.json ? asJson(about, memory, checked) : asText(about, memory, checked));
    if (checked?.ok === false) {
      throw new Error(`${chosen.model} does not give ${checked.what}: these are other weights, or damaged ones`);
    }
  } finally {
    await model.dispose(); // and closes the source
  }
}

interface About {
  readonly name: string;
  readonly folder: string | undefined;
  readonly architecture: Architecture;
  readonly files: readonly { readonly file: string; readonly bytes: number }[];
  /** Element types in the weight files. */
  readonly stored: readonly string[];
  readonly model: SentenceTransformer;
}

async function gather(
  model: SentenceTransformer,
  source: ModelSource,
  flags: Flags,
  sizes: ReadonlyMap<string, number>,
): Promise<About> {
  const stored = new Set<string>();
  for (const file of sizes.keys()) {
    const openTensors = file.endsWith(".safetensors")
      ? openSafetensors
      : file.endsWith(".bin")
        ? openPytorch
        : undefined;
    const bytes = await (openTensors && source.open(file));
    if (openTensors === undefined || bytes === undefined) continue;
    for (const { dtype } of (await openTensors(bytes, file)).tensors.values()) stored.add(dtype);
  }
  return {
    name: flags.model === mini.name ? `${mini.name} (bundled)` : flags.model,
    folder: source.folder,
    architecture: await readArchitecture(source, model.maxSeqLength),
    files: [...sizes].map(([file, bytes]) => ({ file, bytes })),
    stored: [...stored].sort(),
    model,
  };
}

interface Memory {
  /** Bytes the loaded model holds. */
  readonly held: number;
  /** Bytes of this process at its largest. */
  readonly peak: number;
}

function asText(
  { name, folder, architecture, files, stored, model }: About,
  memory: Memory,
  checked?: Checked,
): string {
  const number = new Intl.NumberFormat("en");
  const { identity, backend } = model;
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const rows: [string, string][] = [];
  rows.push(["parameters", `${number.format(countParameters(architecture))} (a pooler is not counted)`]);
  const kept = stored.length > 0 ? `${stored.join(", ")} in the file, ` : "";
  rows.push(["dtype", `${kept}${identity.dtype} computed`]);
  rows.push(["backend", `${backend.name}${backend.reason ? `: ${backend.reason}` : ""}`]);
  rows.push(["memory", `${prettyBytes(memory.held)} (this process at its peak ${prettyBytes(memory.peak)})`]);
  rows.push(["limit", `${model.maxSeqLength} tokens; longer texts are cut`]);
  rows.push(["vocabulary", `${number.format(model.tokenizer.vocabularySize)} pieces`]);
  rows.push(["dimension", `${model.dimension}`], ["similarity", model.similarityFunction]);
  const prompts = Object.entries(model.prompts).map(([key, text]) => `${key}: ${JSON.stringify(text)}`);
  rows.push(["prompts", prompts.length === 0 ? "none" : printable(prompts.join(", "))]);
  const room = columns() ?? Number.POSITIVE_INFINITY;
  const hash = room < 80 ? (identity.model.match(/.{1,32}/g) ?? []) : [identity.model];
  rows.push(["identity", hash[0]], ...hash.slice(1).map((part): [string, string] => ["", part]));
  const sized = files.map(({ file, bytes }) => [`  ${fitting(file, 14)}`, prettyBytes(bytes)]);
  return [
    `${printable(name)}\n`,
    ...print(architecture)
      .split("\n")
      .map((line) => `${folded(line, 6)}\n`),
    `\nfiles: ${files.length}, ${prettyBytes(total)}${folder === undefined ? "" : `, in\n${folder}`}\n`,
    `${table(sized, [1])}\n`,
    table(rows.map(([key, value]) => [key, fitting(value, 12)])),
    checked === undefined ? "" : `\n${showCheck(checked)}`,
  ].join("");
}

function showCheck({ what, pairs, ok, tolerance }: Checked): string {
  const rows = pairs.map(({ a, b, expected, found }) => [
    fitting(`${a} / ${b}`, 28),
    expected.toFixed(8),
    found.toFixed(8),
    Math.abs(expected - found) < tolerance ? "ok" : "OFF",
  ]);
  const verdict = ok ? `all within ${tolerance}` : `NOT all within ${tolerance}`;
  return `${folded(`check: ${what}, ${verdict}`)}\n${table([["", "known", "here", ""], ...rows], [1, 2])}`;
}

function asJson(
  { name, folder, architecture, files, stored, model }: About,
  memory: Memory,
  checked?: Checked,
): string {
  const { identity, backend, maxSeqLength, dimension, similarityFunction, prompts, warnings } = model;
  return `${JSON.stringify({
    model: name.replace(" (bundled)", ""),
    folder,
    architecture: print(architecture),
    files,
    parameters: countParameters(architecture),
    dtype: { stored, computed: identity.dtype },
    backend,
    memory,
    maxSeqLength,
    vocabulary: model.tokenizer.vocabularySize,
    dimension,
    similarityFunction,
    prompts,
    warnings,
    identity,
    check: checked,
  })}\n`;
}
