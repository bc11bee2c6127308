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
import { defaultTokensPerBatch, type EncoderOptions } from "./encoder.ts";
import type { Runner } from "./run/runner.ts";
import { turns } from "./run/turns.ts";
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

/** What was measured before, by candidate, sizes and options. Failures are not among it: what was busy once may be had the next time. */
const known = new Map<string, Promise<Figure>>();
/** One is measured at a time: two would take each other's time. */
const inTurn = turns();

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
  const { tokensPerBatch, dtype } = options as EncoderOptions;
  const sizes = [layers, hiddenSize, heads, intermediateSize, tokensPerBatch];
  const about = [...sizes, options.verify !== false, whole && (dtype ?? "stored"), threads, wide, !!wasmModules];
  const problems: string[] = [];
  const warnings: string[] = [];
  const leave = (backend: Backend, error: unknown): void => {
    const problem = (error as Error).message.replace(/^backend: /, "");
    problems.push(`backend: fastest leaves ${nameOf(backend)} out: ${problem}`);
    // That relaxed WebAssembly is missing is no news to someone who did not ask for it.
    if (options.candidates !== undefined || backend !== "wasm-relaxed") warnings.push(problems[problems.length - 1]);
  };
  const measured: { backend: Backend; key: string; figure: Figure }[] = [];
  for (const backend of candidates) {
    const key = JSON.stringify([about, kindOf(backend)]);
    try {
      measured.push({ backend, key, figure: await figureOf(backend, key, options, whole, model) });
    } catch (error) {
      leave(backend, error);
    }
  }
  // Neither kind of work decides alone: the product of both speeds does.
  const score = ({ large, short }: Figure): number => large / short;
  measured.sort((a, b) => score(b.figure) - score(a.figure));
  const figures = candidates.flatMap((one) => measured.filter(({ backend }) => backend === one)).map((m) => m.figure);
  for (const { backend, key } of measured) {
    try {
      const chosen = await chooseBackend(optionsFor(backend, options, false), whole, model);
      const reason = reasonOf(nameOf(backend), figures);
      return { ...chosen, figures, warnings, reason };
    } catch (error) {
      known.delete(key); // it is another than was measured
      leave(backend, error);
    }
  }
  return refuse("candidates", `none of them runs here: ${problems.join("; ")}`);
}

/** What a candidate that runs here and computes rightly was measured at, now or before. */
function figureOf(
  backend: Backend,
  key: string,
  options: BackendOptions,
  whole: WholeBackends | undefined,
  model: BertConfig,
): Promise<Figure> {
  let figure = known.get(key);
  if (figure === undefined) {
    figure = inTurn(async () => {
      const chosen = await chooseBackend(optionsFor(backend, options, options.verify !== false), whole, model);
      const tokens = (options as EncoderOptions).tokensPerBatch ?? chosen.tokens;
      return measure({ ...chosen, tokens }, backend, model, whole !== undefined);
    });
    known.set(key, figure);
    figure.catch(() => known.delete(key));
  }
  return figure;
}

/** Kernels of the caller's own, which go on when they have been measured. */
function isOwn(backend: Backend): boolean {
  return typeof backend === "object" && !("open" in backend);
}

/** One candidate's options: workers are for WebAssembly alone. */
function optionsFor(backend: Backend, options: BackendOptions, verify: boolean): BackendOptions {
  const { candidates: _, threads, wide, ...rest } = options;
  const isWasm = typeof backend === "string" && backend.startsWith("wasm");
  return { ...rest, backend, verify, ...(isWasm && { threads, wide }) };
}

async function measure(chosen: ChosenBackend, backend: Backend, model: BertConfig, whole: boolean): Promise<Figure> {
  const { engine } = chosen;
  const config = { ...model, layers: 1 };
  const each = Math.min(EACH, config.longestText);
  const tokens = Math.max(SHORT, each, chosen.tokens ?? defaultTokensPerBatch(model, chosen.work));
  let runner: Runner | undefined;
  try {
    runner = await engine.start(seededWeights(engine.kernels, config, whole), config, tokens);
    const short = await best(runner, [SHORT], config);
    const texts = new Array<number>(Math.floor(tokens / each)).fill(each);
    const large = await best(runner, texts, config);
    return {
      name: nameOf(backend),
      short: short * model.layers,
      large: (1000 * texts.length * each) / (large * model.layers),
    };
  } finally {
    if (!isOwn(backend)) await (runner ?? engine).dispose();
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
