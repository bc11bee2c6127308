/** What `npm run bench:gpu` writes, and how it reads as a page. */
import type { Spread } from "../measure.ts";

export interface Adapter {
  /** As it says itself; missing where there is none, and `wrong` says why. */
  readonly about?: string;
  /** It computes on the CPU. */
  readonly software?: boolean;
  readonly wrong?: string;
}

export interface Contender {
  readonly name: string;
  /** Largest difference of an element from float64. */
  readonly worst?: number;
  /** Why it was not timed. */
  readonly wrong?: string;
  readonly milliseconds?: Spread;
  readonly gflops?: Spread;
  /** Its speed over the first one's, round by round. */
  readonly ratio?: Spread;
  /** Its speed over the measured peak's, round by round. */
  readonly ofPeak?: Spread;
  readonly rounds?: number;
  readonly inARow?: number;
}

export interface ProductTable {
  readonly T: number;
  readonly K: number;
  readonly N: number;
  readonly results: readonly Contender[];
}

export interface EncodeTable {
  readonly name: string;
  readonly results: readonly Contender[];
}

export interface GpuResult {
  readonly title: string;
  readonly note: string;
  readonly software: boolean;
  readonly cpu: string;
  readonly cores: number;
  /** Programs that wanted a processor at a time, over a quarter of an hour. */
  readonly load?: number;
  readonly date: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly adapters: Readonly<Record<string, Adapter>>;
  readonly model: string;
  readonly peak: { readonly gflops: number; readonly kernel: string };
  readonly products: readonly ProductTable[];
  readonly encode: Readonly<Record<string, readonly EncodeTable[]>>;
}

/** What `bench/gpu/on-a-gpu.sh` writes: one GPU, in Node. */
export interface OneGpuResult extends GpuResult {
  /** As the adapter calls its device. */
  readonly gpu: string;
  /** A pass of 12 tokens through the model without tokenizer and pooling, by both kernels for products, and on the CPU. */
  readonly short: readonly Contender[];
  /** Such passes of many texts of one length. */
  readonly batches: readonly {
    readonly length: number;
    readonly tokens: number;
    readonly name: string;
    readonly tokensPerSecond: number;
  }[];
}

const digits = (x: number): string => (x >= 100 ? x.toFixed(0) : x.toPrecision(2));
const range = (of: Spread, show = digits): string => `${show(of.median)} (${show(of.min)} … ${show(of.max)})`;
const percent = (x: number): string => `${digits(100 * x)} %`;

function rows(results: readonly Contender[], figure: (of: Contender) => string, peak: boolean): string[] {
  return results.map((one) => {
    const { name, wrong, ratio, ofPeak } = one;
    if (wrong !== undefined) return `| ${name} | not timed: ${wrong.replaceAll("|", "/")} | |${peak ? " |" : ""}`;
    const part = peak ? ` ${ofPeak === undefined ? "" : range(ofPeak, percent)} |` : "";
    return `| ${name} | ${figure(one)} | ${ratio === undefined ? "" : range(ratio)} |${part}`;
  });
}

export function productLines({ T, K, N, results }: ProductTable): string[] {
  return [
    `| [${T},${K}] x [${K},${N}] | GFLOP/s | times munjang webgpu | of the measured peak |`,
    "|---|---|---|---|",
    ...rows(results, ({ gflops }) => (gflops === undefined ? "" : range(gflops)), true),
    "",
  ];
}

export function encodeLines(where: string, { name, results }: EncodeTable): string[] {
  return [
    `| ${where}: ${name} | milliseconds | times as fast as munjang webgpu |`,
    "|---|---|---|",
    ...rows(results, ({ milliseconds }) => (milliseconds === undefined ? "" : range(milliseconds)), false),
    "",
  ];
}

const about = ({ adapters, versions, cpu, cores }: GpuResult): string =>
  `${Object.entries(adapters)
    .map(([place, { about, wrong }]) => `${place} ${versions[place] ?? ""}: ${about ?? `none (${wrong})`}`)
    .join("; ")}. ${cpu}, ${cores} cores.`;

/** Everything. */
export function page(result: GpuResult): string {
  const { note, peak, products, encode, model } = result;
  return [
    about(result),
    note,
    "",
    `The peak, measured by a kernel that only multiplies and adds in registers (${peak.kernel}): ${digits(peak.gflops)} GFLOP/s.`,
    "",
    ...products.flatMap(productLines),
    `Vectors of ${model}:`,
    "",
    ...Object.entries(encode).flatMap(([where, tables]) => tables.flatMap((table) => encodeLines(where, table))),
  ].join("\n");
}

/** Tokens a second by tokens of a batch: a row for each size, a column for each length of text and kind of weights. */
function batchLines(batches: OneGpuResult["batches"]): string[] {
  const column = ({ length, name }: OneGpuResult["batches"][number]): string =>
    `${name.replace(/, .*/, "")}, texts of ${length}`;
  const columns = [...new Set(batches.map(column))];
  // Texts of 10 do not fill a batch of 256: 250 stands beside it.
  const size = (tokens: number): number => 2 ** Math.round(Math.log2(tokens));
  const sizes = [...new Set(batches.map(({ tokens }) => size(tokens)))];
  const rate = (tokens: number, of: string): string => {
    const found = batches.find((one) => size(one.tokens) === tokens && column(one) === of);
    return found === undefined ? "" : found.tokensPerSecond.toLocaleString("en");
  };
  return [
    `| tokens a second, batches of | ${columns.join(" | ")} |`,
    `|---|${"---|".repeat(columns.length)}`,
    ...sizes.map((tokens) => `| ${tokens} tokens | ${columns.map((of) => rate(tokens, of)).join(" | ")} |`),
    "",
  ];
}

/** What docs/gpu.md shows of a run on a GPU. */
export function onHardware(result: OneGpuResult): string {
  return [
    page(result),
    "Passes alone, without the words' rows and pooling:",
    "",
    "| 12 tokens | milliseconds | times as fast as the tile |",
    "|---|---|---|",
    ...rows(result.short, ({ milliseconds }) => (milliseconds === undefined ? "" : range(milliseconds)), false),
    "",
    ...batchLines(result.batches),
  ].join("\n");
}

/** The same in a sentence. */
export function inShort({ encode, short, model }: OneGpuResult): string {
  const took = (of: readonly Contender[], name: string): string => {
    const milliseconds = of.find((one) => one.name === name)?.milliseconds;
    if (milliseconds === undefined) throw new Error(`nobody timed ${name}`);
    return `${digits(milliseconds.median)} ms`;
  };
  const each = encode.Node.map(({ name, results }) => `${name} in ${took(results, "munjang webgpu")}`);
  const cpu = took(short, "wasm, 1 thread");
  return `a model of ${model.replace(/,.*/, "")} encodes ${each.join(", ")} (12 tokens with one thread of \`wasm\` on its processor: ${cpu})`;
}

/** What docs/gpu.md shows of it: the widest product, and the sentences. */
export function summary(result: GpuResult): string {
  const products = result.products.filter(({ K, N }) => K === 768 && N === 3072);
  return page({ ...result, products });
}
