/** Everything measured so far, as it is kept on disk after every round, so that a run that is cut off can go on. */
import { existsSync, readFileSync } from "node:fs";
import type { Memory, Rates } from "./protocol.ts";

export interface Check {
  /** Largest difference of an element from the reference's. */
  readonly worst: number;
  /** Smallest cosine of a vector with the reference's. */
  readonly cosine: number;
  readonly against: string;
  readonly passed: boolean;
}

export interface EngineState {
  about: Readonly<Record<string, string>>;
  /** Milliseconds to a loaded model, and from there to the vector of one short sentence, one for every process. */
  load: number[];
  first: number[];
  loaded?: Memory;
  after?: Memory;
  check?: Check;
  /** Why it is not measured. */
  skipped?: string;
}

export interface Phase {
  readonly threads: number;
  engines: Record<string, EngineState>;
  /** By the key of a cell: milliseconds of one pass, for each batch that was tried and in each round. */
  tried: Record<string, Record<number, number>>;
  samples: Record<string, number[]>;
  /** Products alone, by engine, round by round. */
  rates: Record<string, Rates[]>;
  /** The limits, by work and form and engine, measured right before the samples of that work. */
  limits: Record<string, Rates[]>;
  /** How busy the machine was when a round began: the running processes of the last minute, ours among them. */
  busy: number[];
  rounds: number;
  done: boolean;
}

export interface State {
  readonly mode: string;
  readonly date: string;
  readonly machine: Readonly<Record<string, unknown>>;
  readonly sentences: string;
  readonly vocabulary: string;
  install: Record<string, number>;
  phases: Phase[];
}

export const cell = (work: string, form: string, engine: string): string => `${work}|${form}|${engine}`;

export function read<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : undefined;
}
