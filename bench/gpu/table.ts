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
  readonly load: number;
  readonly date: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly adapters: Readonly<Record<string, Adapter>>;
  readonly model: string;
  readonly peak: { readonly gflops: number; readonly kernel: string };
  readonly products: readonly ProductTable[];
  readonly encode: Readonly<Record<string, readonly EncodeTable[]>>;
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

/** What docs/gpu.md shows of it: the widest product, and the sentences. */
export function summary(result: GpuResult): string {
  const products = result.products.filter(({ K, N }) => K === 768 && N === 3072);
  return page({ ...result, products });
}
