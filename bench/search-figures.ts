/** The tables of docs/search.md out of results/search.json. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FILE = join(import.meta.dirname, "results/search.json");

interface Line {
  readonly name: string;
  readonly secondsToIndex?: number;
  readonly secondsToWrite?: number;
  readonly secondsForTheGraph?: number;
  readonly bytes: number;
  readonly recall10?: number;
  readonly p50: number;
  readonly p99: number;
}

interface Place {
  readonly version: string;
  readonly load: readonly number[];
  readonly kinds: readonly Line[];
}

interface Score {
  readonly mrr10: number;
  readonly milliseconds?: number;
  readonly fused?: { readonly mrr10: number };
}

interface Result {
  readonly title: string;
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly queries: number;
  readonly folder?: Place;
  readonly server?: Place;
  readonly words?: readonly { readonly task: string; readonly ways: Readonly<Record<string, Score>> }[];
}

const read = (): Result | undefined =>
  existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as Result) : undefined;
const NOT_YET = "\nNot measured yet: `npm run bench:search`.\n";

export function search(): string {
  const result = read();
  const places = [result?.folder, result?.server].filter((place) => place !== undefined);
  if (result === undefined || places.length === 0) return NOT_YET;
  const tables = places.map(({ version, load, kinds }) => {
    const rows = kinds.map(({ name, bytes, recall10, p50, p99, ...times }) => {
      const seconds = times.secondsToIndex ?? times.secondsToWrite ?? times.secondsForTheGraph;
      const what = times.secondsToIndex ? "index" : times.secondsToWrite ? "write" : "graph";
      return `| ${name} | ${what} ${Math.round(seconds ?? 0)} s | ${Math.round(bytes / 1e6)} MB | ${recall10?.toFixed(3) ?? ""} | ${p50} ms | ${p99} ms |`;
    });
    return [
      `${result.title}; ${version}:`,
      "",
      "| | time | size | recall@10 | p50 | p99 |",
      "|---|---|---|---|---|---|",
      ...rows,
      "",
      `${result.queries} queries, in the database alone; ${result.cpu}, ${result.cores} cores, Node ${result.node}; load of the machine at the beginning ${load[0]}. "index" has the model's own work in it, "write" has not.`,
    ].join("\n");
  });
  return `\n${tables.join("\n\n")}\n`;
}

export function words(): string {
  const lines = read()?.words;
  if (lines === undefined) return NOT_YET;
  const ways = Object.keys(lines[0].ways);
  const cell = ({ mrr10, milliseconds, fused }: Score): string =>
    `${mrr10.toFixed(3)}${fused === undefined ? "" : `, with vectors ${fused.mrr10.toFixed(3)}`}${milliseconds === undefined ? "" : `; ${milliseconds} ms`}`;
  return [
    "",
    `| | ${lines.map(({ task }) => task).join(" | ")} |`,
    `|---|${lines.map(() => "---|").join("")}`,
    ...ways.map((way) => `| ${way} | ${lines.map((line) => cell(line.ways[way])).join(" | ")} |`),
    "",
  ].join("\n");
}
