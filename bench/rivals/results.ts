/** From what was measured to what is kept: every cell with its rounds, so that ratios can be taken round by round. */
import { type Spread, spread } from "../measure.ts";
import { ENGINES } from "./engines.ts";
import { bestBatch } from "./phase.ts";
import type { Form, Memory, Rates, Work } from "./protocol.ts";
import { type Check, cell, type State } from "./state.ts";
import { gflopOf, tokensOf } from "./works.ts";

export interface Row {
  readonly threads: number;
  readonly work: string;
  readonly form: Form;
  /** The name that people read. */
  readonly engine: string;
  /** The best batch, in texts or in tokens. */
  readonly batch: number;
  readonly texts: number;
  readonly tokens: number;
  readonly sentencesPerSecond: Spread;
  readonly gflops: Spread;
  /** Percent of the two limits of the same width, medians of the rounds' ratios. */
  readonly ofRegister?: number;
  readonly ofCached?: number;
  /** Milliseconds of one pass, round by round. */
  readonly rounds: readonly number[];
}

/** Kernels alone, GFLOP/s. */
export interface RateRow {
  readonly threads: number;
  readonly engine: string;
  readonly what: string;
  readonly rate: Spread;
}

export interface EngineRow {
  readonly engine: string;
  readonly threads: number;
  readonly about: Readonly<Record<string, string>>;
  /** Seconds to a loaded model, and to the vector of one short sentence. */
  readonly load?: Spread;
  readonly first?: Spread;
  readonly loaded?: Memory;
  readonly after?: Memory;
  readonly check?: Check;
  readonly skipped?: string;
  /** Bytes on disk, with everything it requires. */
  readonly install?: number;
}

export interface RivalsResult {
  readonly title: string;
  readonly mode: string;
  /** False while it is being measured, and for a run that was cut off. */
  readonly complete: boolean;
  readonly date: string;
  readonly machine: Readonly<Record<string, unknown>>;
  readonly sentences: string;
  readonly vocabulary: string;
  readonly phases: readonly { readonly threads: number; readonly rounds: number; readonly busy: readonly number[] }[];
  readonly engines: readonly EngineRow[];
  readonly rates: readonly RateRow[];
  readonly rows: readonly Row[];
}

const short = (value: number): number => Number(value.toPrecision(4));
const shortSpread = (values: readonly number[]): Spread => {
  const { min, median, max } = spread(values);
  return { min: short(min), median: short(median), max: short(max) };
};

export function summary(state: State, works: readonly Work[]): RivalsResult {
  const byId = new Map(ENGINES.map((spec) => [spec.id, spec]));
  const byName = new Map(works.map((work) => [work.name, work]));
  const rows: Row[] = [];
  const rates: RateRow[] = [];
  const engines: EngineRow[] = [];
  for (const { threads, samples, tried, rates: measured, limits: all, engines: known } of state.phases) {
    for (const [key, rounds] of Object.entries(samples)) {
      const [name, form, id] = key.split("|");
      const [work, spec] = [byName.get(name), byId.get(id)];
      if (work === undefined || spec === undefined) continue;
      const gflop = gflopOf(work);
      const of = (kind: "register" | "cached"): number | undefined => {
        const limits = spec.width === undefined ? undefined : all[cell(name, form, `limits-${spec.width}`)];
        const shares = rounds.map((ms, i) => (100_000 * gflop) / ms / (limits?.[i]?.[kind] ?? Number.NaN));
        const known = shares.filter((share) => !Number.isNaN(share));
        return known.length === 0 ? undefined : Math.round(spread(known).median);
      };
      rows.push({
        threads,
        work: name,
        form: form as Form,
        engine: spec.name,
        batch: bestBatch(tried[key]),
        texts: work.ids.length,
        tokens: tokensOf(work),
        sentencesPerSecond: shortSpread(rounds.map((ms) => (1000 * work.ids.length) / ms)),
        gflops: shortSpread(rounds.map((ms) => (1000 * gflop) / ms)),
        ofRegister: of("register"),
        ofCached: of("cached"),
        rounds: rounds.map((ms) => Number(ms.toFixed(2))),
      });
    }
    const together: Record<string, Rates[]> = { ...measured };
    for (const [key, list] of Object.entries(all)) {
      const id = key.split("|")[2];
      together[id] = [...(together[id] ?? []), ...list];
    }
    for (const [id, list] of Object.entries(together)) {
      for (const what of Object.keys(list[0])) {
        const rate = shortSpread(list.map((each) => each[what]));
        rates.push({ threads, engine: byId.get(id)?.name ?? id, what, rate });
      }
    }
    for (const [id, { load, first, ...rest }] of Object.entries(known)) {
      const spec = byId.get(id);
      engines.push({
        engine: spec?.name ?? id,
        threads,
        ...rest,
        ...(load.length > 0 ? { load: shortSpread(load.map((ms) => ms / 1000)) } : {}),
        ...(first.length > 0 ? { first: shortSpread(first.map((ms) => ms / 1000)) } : {}),
        ...(spec?.kind === "model" ? { install: state.install[spec.package] } : {}),
      });
    }
  }
  return {
    title: "munjang and its rivals: KR-SBERT's shape, seeded weights, the same sentences, in turns",
    mode: state.mode,
    complete: state.phases.length > 1 && state.phases.every(({ done }) => done),
    date: state.date,
    machine: state.machine,
    sentences: state.sentences,
    vocabulary: state.vocabulary,
    phases: state.phases.map(({ threads, rounds, busy }) => ({ threads, rounds, busy })),
    engines,
    rates,
    rows,
  };
}
