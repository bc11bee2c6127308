/** One phase: all engines with so many threads, loaded, checked, warmed, each with its best batch, then in turns round after round. */
import { readFileSync, rmSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { compare, type Difference, judge } from "./check.ts";
import { cache, type EngineSpec, MUNJANG } from "./engines.ts";
import type { Plan } from "./plan.ts";
import { type EngineProcess, start } from "./process.ts";
import type { Form, Rates, Work } from "./protocol.ts";
import { cell, type EngineState, type Phase } from "./state.ts";
import { checkIds, checkTexts, mainWork } from "./works.ts";

export interface Reference {
  /** Who computed it. */
  by: string;
  readonly vectors: Map<string, Float32Array>;
}

export interface Job {
  readonly plan: Plan;
  readonly phase: Phase;
  readonly engines: readonly EngineSpec[];
  readonly works: readonly Work[];
  /** What vectors are compared with; the first phase fills it, and later ones are held against the same. */
  readonly reference: Reference;
  /** After this moment no more batches are tried, and when the last round has to be over, as `performance.now()` counts. */
  readonly chooseUntil: number;
  readonly deadline: number;
  readonly save: () => void;
  readonly say: (line: string) => void;
}

async function vectorsOf(process: EngineProcess, work: string, form: Form, batch: number): Promise<Float32Array> {
  const file = join(cache, `vectors-${process.spec.id}.bin`);
  await process.ask({ op: "vectors", work, form, batch, file });
  const { buffer, byteOffset, byteLength } = readFileSync(file);
  rmSync(file);
  return new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
}

/** Runs the short sentence until three goes in a row are within 3 % of the best one. */
async function warm(process: EngineProcess, work: string, batch: number, form: Form): Promise<void> {
  let [best, near] = [Number.POSITIVE_INFINITY, 0];
  for (let go = 0; near < 3 && go < 20; go++) {
    const { calls, milliseconds } = await process.ask({ op: "run", work, form, batch, milliseconds: 200 });
    near = milliseconds / calls < 1.03 * best ? near + 1 : 0;
    best = Math.min(best, milliseconds / calls);
  }
}

async function load(process: EngineProcess, state: EngineState): Promise<void> {
  const { milliseconds, about } = await process.ask({ op: "load" });
  state.about = about;
  if (process.spec.kind === "kernel") return;
  const form = process.spec.forms.includes("ids") ? "ids" : "texts";
  const { sizes } = process.spec.batches;
  const first = await process.ask({ op: "run", work: "first", form, batch: sizes[0], milliseconds: 0 });
  state.load.push(milliseconds);
  state.first.push(milliseconds + first.milliseconds);
}

/** Starts and loads everybody, one after the other. The first model that can give vectors of ids is the reference of the check. */
async function startAll({ plan, phase, engines, works, reference, say, save }: Job): Promise<EngineProcess[]> {
  const running: EngineProcess[] = [];
  for (const spec of engines) {
    if (spec.id.startsWith("product") && phase.threads > 1) continue; // one thread only
    const state: EngineState = { about: {}, load: [], first: [] };
    phase.engines[spec.id] = state;
    let process = start(spec, phase.threads);
    try {
      await load(process, state);
      for (let i = 1; i < plan.loads && spec.kind === "model" && phase.threads === 1; i++) {
        await process.stop();
        process = start(spec, phase.threads);
        await load(process, state);
      }
      if (spec.kind === "model") state.loaded = await process.ask({ op: "memory" });
      running.push(process);
      say(`${spec.id}: ${JSON.stringify(state.about)} ${state.load.map((ms) => `${ms.toFixed(0)} ms`).join(" ")}`);
    } catch (error) {
      state.skipped = String(error);
      say(`${spec.id}: SKIPPED, ${state.skipped}`);
      await process.stop();
    }
    save();
  }
  return checked(running, { phase, works, reference, say });
}

/** sentence-transformers is right; where it does not run, munjang on one thread, in a process for this alone if need be. */
async function fill(reference: Reference, running: readonly EngineProcess[]): Promise<void> {
  const known = (id: string): EngineProcess | undefined => running.find(({ spec }) => spec.id === id);
  const against = known("torch") ?? known("munjang-wasm") ?? start(MUNJANG, 1);
  if (!running.includes(against)) await against.ask({ op: "load" });
  for (const name of [checkIds, checkTexts]) reference.vectors.set(name, await vectorsOf(against, name, "ids", 8));
  reference.by = against.spec.id;
  if (!running.includes(against)) await against.stop();
}

/** Those whose vectors are right. */
async function checked(
  running: readonly EngineProcess[],
  { phase, works, reference, say }: Pick<Job, "phase" | "works" | "reference" | "say">,
): Promise<EngineProcess[]> {
  const rows = (name: string): number => works.find((work) => work.name === name)?.ids.length ?? 0;
  if (reference.vectors.size === 0) await fill(reference, running);
  const right: EngineProcess[] = [];
  for (const process of running) {
    const { spec } = process;
    if (spec.kind === "kernel") {
      right.push(process);
      continue;
    }
    const state = phase.engines[spec.id];
    try {
      const differences: Difference[] = [];
      for (const form of spec.forms) {
        const name = form === "ids" ? checkIds : checkTexts;
        // 8 texts at a time, or tokens for a few: with padding, or side by side.
        const got = await vectorsOf(process, name, form, spec.batches.unit === "texts" ? 8 : 96);
        differences.push(compare(got, reference.vectors.get(name) ?? new Float32Array(), rows(name)));
      }
      const check = judge(differences, spec.precision, reference.by);
      const { worst, cosine, passed } = check;
      state.check = check;
      say(`${spec.id}: off by ${worst.toExponential(1)}, cosine ${cosine.toFixed(6)}: ${passed ? "right" : "WRONG"}`);
      if (passed) right.push(process);
      else {
        state.skipped = `its vectors are wrong: off by ${worst.toExponential(1)}, cosine ${cosine.toFixed(4)}`;
        await process.stop();
      }
    } catch (error) {
      state.skipped = String(error);
      say(`${spec.id}: SKIPPED, ${state.skipped}`);
      await process.stop();
    }
  }
  return right;
}

interface Cell {
  readonly key: string;
  readonly process: EngineProcess;
  readonly work: Work;
  readonly form: Form;
}

/** Batches worth trying: none larger than the work. In the sweep over batches a rival's is given. */
function candidates({ batches }: EngineSpec, { name, ids }: Work): readonly number[] {
  if (batches.unit === "texts") {
    if (name.startsWith("batch ")) return [ids.length];
    const most = Math.min(ids.length, Math.max(...batches.sizes));
    return [...batches.sizes.filter((size) => size < most), most];
  }
  const tokens = ids.reduce((sum, { length }) => sum + length, 0);
  return batches.sizes.filter((_, i) => i === 0 || batches.sizes[i - 1] < tokens);
}

/**
 * Tries batches from the smallest up, and stops where they get worse: a tenth is more than chance. On a machine too slow for that, what was
 * best for the sentences has to do.
 */
async function choose(process: EngineProcess, { work, form, key }: Cell, job: Job): Promise<void> {
  const { phase, plan, chooseUntil } = job;
  const tried: Record<number, number> = {};
  let sizes = candidates(process.spec, work);
  const known = phase.tried[cell(mainWork, form, process.spec.id)];
  if (performance.now() > chooseUntil && known !== undefined) {
    const most = bestBatch(known);
    sizes = [sizes.findLast((size) => size <= most) ?? sizes[0]];
  }
  for (const batch of sizes) {
    const request = { op: "run", work: work.name, form, batch, milliseconds: plan.milliseconds } as const;
    const { calls, milliseconds } = await process.ask(request);
    tried[batch] = milliseconds / calls;
    if (tried[batch] > 1.1 * Math.min(...Object.values(tried))) break;
  }
  phase.tried[key] = tried;
}

export function bestBatch(tried: Readonly<Record<number, number>>): number {
  return Number(Object.entries(tried).reduce((best, entry) => (entry[1] < best[1] ? entry : best))[0]);
}

type Lose = (process: EngineProcess, error: unknown) => Promise<void>;

/** Everybody once: the products, then work by work the limits and all engines. */
async function round(
  cells: readonly Cell[],
  running: ReadonlySet<EngineProcess>,
  { phase, plan }: Job,
  lose: Lose,
): Promise<void> {
  const rates = async (process: EngineProcess, to: Record<string, Rates[]>, key: string): Promise<void> => {
    try {
      const answer = await process.ask({ op: "rates", milliseconds: 400 });
      to[key] = [...(to[key] ?? []), answer];
    } catch (error) {
      await lose(process, error);
    }
  };
  const named = (start: string): EngineProcess[] => [...running].filter(({ spec }) => spec.id.startsWith(start));
  for (const process of named("product")) await rates(process, phase.rates, process.spec.id);
  let before = "";
  for (const { key, process, work, form } of cells) {
    if (!running.has(process)) continue;
    if (before !== `${work.name} ${form}`) {
      before = `${work.name} ${form}`;
      for (const limit of named("limits")) await rates(limit, phase.limits, cell(work.name, form, limit.spec.id));
    }
    try {
      const batch = bestBatch(phase.tried[key]);
      const request = { op: "run", work: work.name, form, batch, milliseconds: plan.milliseconds } as const;
      const { calls, milliseconds } = await process.ask(request);
      phase.samples[key] = [...(phase.samples[key] ?? []), milliseconds / calls];
    } catch (error) {
      await lose(process, error);
    }
  }
}

export async function runPhase(job: Job): Promise<void> {
  const { plan, phase, works, deadline, save, say } = job;
  const running = new Set(await startAll(job));
  const lose: Lose = async (process, error) => {
    phase.engines[process.spec.id].skipped = `it failed while it was measured: ${error}`;
    say(`${process.spec.id}: LOST, ${error}`);
    running.delete(process);
    await process.stop();
  };
  try {
    const cells: Cell[] = works
      .filter(({ name }) => plan.timed(name, phase.threads))
      .flatMap((work) =>
        (["ids", "texts"] as const).flatMap((form) =>
          form === "texts" && work.name !== mainWork
            ? []
            : [...running]
                .filter(({ spec }) => spec.forms.includes(form))
                .map((process) => ({ key: cell(work.name, form, process.spec.id), process, work, form })),
        ),
      );
    for (const process of [...running].filter(({ spec }) => spec.kind === "model")) {
      const { forms, batches } = process.spec;
      await warm(process, "first", batches.sizes[0], forms[0]).catch((error) => lose(process, error));
    }
    for (const one of cells) {
      if (phase.tried[one.key] !== undefined || !running.has(one.process)) continue;
      await choose(one.process, one, job).catch((error) => lose(one.process, error));
      save();
    }
    say(
      `warm, batches chosen: ${cells.map(({ key }) => `${key} ${bestBatch(phase.tried[key] ?? { 0: 0 })}`).join("; ")}`,
    );
    let longest = 0;
    while (phase.rounds < plan.rounds && (phase.rounds === 0 || performance.now() + longest < deadline)) {
      const start = performance.now();
      phase.busy.push(Number(loadavg()[0].toFixed(1)));
      await round(cells, running, job, lose);
      longest = Math.max(longest, performance.now() - start);
      phase.rounds++;
      save();
      say(`round ${phase.rounds} took ${(longest / 1000).toFixed(0)} s`);
    }
    for (const process of [...running].filter(({ spec }) => spec.kind === "model")) {
      phase.engines[process.spec.id].after = await process.ask({ op: "memory" });
    }
    phase.done = true;
    save();
  } finally {
    await Promise.all([...running].map((process) => process.stop()));
  }
}
