import {
  addBackend,
  type Backend,
  type BackendOptions,
  type ChosenBackend,
  chooseBackend,
  type Figure,
  type WholeBackends,
} from "./backend.ts";
import { now } from "./base/breathe.ts";
import { checkOptional, refuse } from "./base/door.ts";
import { layOut } from "./bert/batch.ts";
import type { BertConfig } from "./bert/config.ts";
import { bell, seededWeights } from "./bert/seeded.ts";
import { defaultTokensPerBatch } from "./encoder.ts";
import type { Runner } from "./run/runner.ts";
import "./verify.ts";

/*
 * `backend: "fastest"`: the candidates are tried on one layer of the model's own sizes, with numbers of nobody's, and the fastest is taken.
 * Importing this lets `load` take that name; Node's entry always does.
 */

/** Tokens of the short text. Short ones wait for memory and for each other's ends, large batches for arithmetic. */
const SHORT = 12;
/** Tokens of each text of a large batch. */
const EACH = 24;
/** Milliseconds each of the two is measured for, after a run that does not count; the best run is taken. */
const ENOUGH = 150;

interface Choice {
  readonly winner: Backend;
  readonly figures: readonly Figure[];
  readonly warnings: readonly string[];
}

/** What was chosen before, by sizes and candidates. */
const known = new Map<string, Choice>();

addBackend("fastest", () => ({ name: "fastest", open: openFastest }));

async function openFastest(options: BackendOptions, whole?: WholeBackends, model?: BertConfig): Promise<ChosenBackend> {
  const { candidates = ["wasm", "wasm-relaxed", "js"], threads, wide, wasmModules } = options;
  if (!Array.isArray(candidates) || candidates.length === 0)
    refuse("candidates", "must be a list of backends", candidates);
  if (model === undefined) refuse("backend", "fastest needs a model to measure");
  for (const [n, one] of candidates.entries()) {
    if (one === "fastest" || one === "auto") refuse(`candidates[${n}]`, "chooses itself; name what it may choose", one);
    if (typeof one !== "string") checkOptional(`candidates[${n}]`, one ?? null, "object");
  }
  const { layers, hiddenSize, heads, intermediateSize } = model;
  const about = [
    options.verify !== false,
    layers,
    hiddenSize,
    heads,
    intermediateSize,
    whole !== undefined,
    threads,
    wide,
    wasmModules !== undefined,
  ];
  const key = JSON.stringify([about, candidates.map(kindOf)]);
  const choice = known.get(key) ?? (await measureAll(candidates, options, whole, model));
  known.set(key, choice);
  const { winner, figures, warnings } = choice;
  const chosen = await chooseBackend(optionsFor(winner, options, false), whole, model);
  return { ...chosen, figures, warnings, reason: reasonOf(nameOf(winner), figures) };
}

/** Tries every candidate that runs here and computes rightly; what does not is told, and the next is tried. */
async function measureAll(
  candidates: readonly Backend[],
  options: BackendOptions,
  whole: WholeBackends | undefined,
  model: BertConfig,
): Promise<Choice> {
  const measured: { backend: Backend; figure: Figure }[] = [];
  const warnings: string[] = [];
  for (const backend of candidates) {
    try {
      const chosen = await chooseBackend(optionsFor(backend, options, options.verify !== false), whole, model);
      measured.push({ backend, figure: await measure(chosen, nameOf(backend), model, whole !== undefined) });
    } catch (error) {
      const { message } = error as Error;
      warnings.push(`backend: fastest leaves ${nameOf(backend)} out: ${message.replace(/^backend: /, "")}`);
    }
  }
  if (measured.length === 0) refuse("candidates", `none of them runs here: ${warnings.join("; ")}`);
  // Neither kind of work decides alone: the product of both speeds does.
  const score = ({ figure }: (typeof measured)[number]): number => figure.large / figure.short;
  const { backend } = measured.reduce((best, one) => (score(one) > score(best) ? one : best));
  // That relaxed WebAssembly is missing is no news to someone who did not ask for it.
  return {
    winner: backend,
    figures: measured.map(({ figure }) => figure),
    warnings: options.candidates === undefined ? [] : warnings,
  };
}

/** One candidate's options: workers are for WebAssembly alone. */
function optionsFor(backend: Backend, options: BackendOptions, verify: boolean): BackendOptions {
  const { candidates: _, threads, wide, ...rest } = options;
  const isWasm = typeof backend === "string" && backend.startsWith("wasm");
  return { ...rest, backend, verify, ...(isWasm && { threads, wide }) };
}

async function measure(chosen: ChosenBackend, name: string, model: BertConfig, whole: boolean): Promise<Figure> {
  const { engine } = chosen;
  const config = { ...model, layers: 1 };
  const tokens = Math.max(SHORT, chosen.tokens ?? defaultTokensPerBatch(model, chosen.work));
  let runner: Runner | undefined;
  try {
    runner = await engine.start(seededWeights(engine.kernels, config, whole), config, tokens);
    const short = await best(runner, [SHORT], config);
    const each = Math.min(EACH, config.longestText);
    const texts = new Array<number>(Math.max(1, Math.floor(tokens / each))).fill(each);
    const large = await best(runner, texts, config);
    return {
      name,
      short: short * model.layers,
      large: (1000 * texts.length * each) / (large * model.layers),
    };
  } finally {
    await (runner ?? engine).dispose();
  }
}

/** Milliseconds of one layer for texts of these lengths, in the best of some runs. */
async function best(runner: Runner, lengths: readonly number[], config: BertConfig): Promise<number> {
  const texts = lengths.map((length) => {
    const L = Math.min(length, config.longestText);
    return { ids: new Int32Array(L), typeIds: new Int32Array(L) };
  });
  const batch = layOut(texts, config);
  const words = bell(3)(batch.ids.length * config.hiddenSize, 0.5);
  await runner.run(batch, words);
  let least = Number.POSITIVE_INFINITY;
  for (const end = now() + ENOUGH; now() < end; ) {
    const start = now();
    await runner.run(batch, words);
    least = Math.min(least, now() - start);
  }
  return least;
}

/** Objects that do not say what they are like are like themselves only. */
const objects = new WeakMap<object, number>();
let count = 0;

function kindOf(backend: Backend): string {
  if (typeof backend === "string") return backend;
  if ("kind" in backend && backend.kind !== undefined) return backend.kind;
  if (!objects.has(backend)) objects.set(backend, count++);
  return `object ${objects.get(backend)}`;
}

function nameOf(backend: Backend): string {
  return typeof backend === "string" ? backend : `${backend?.name}`;
}

function reasonOf(winner: string, figures: readonly Figure[]): string {
  const told = (what: (figure: Figure) => string): string => figures.map((f) => `${f.name} ${what(f)}`).join(", ");
  return `fastest here is ${winner}. ${SHORT} tokens alone, ms: ${told(({ short }) => short.toPrecision(2))}; tokens/s in large batches: ${told(({ large }) => String(Number(large.toPrecision(2))))}`;
}
