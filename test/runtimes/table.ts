/**
 * Prints what test-results/runtimes holds as a Markdown table; `--fresh` empties it instead, before a run, and `--write` keeps it for the README in
 * bench/results/runtimes.json. Exits with 1 where a hash is not the committed one, or nothing ran.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cpu } from "../../bench/cpu.ts";
import { RESULTS, type Recorded } from "./record.ts";

/** What is committed: the runs of one machine, and when. */
export interface Runtimes {
  readonly cpu: string;
  readonly date: string;
  readonly commit: string;
  readonly runs: readonly Recorded[];
}

const ORDER = ["Node", "Deno", "Bun", "workerd", "Chromium", "Firefox", "QuickJS"];
const position = (name: string, order: readonly string[]): number => (order.indexOf(name) + 1 || order.length + 1) - 1;
const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** One line for every place, backend and width; threads and dtypes that gave the committed hash stand in it together. */
export function runtimesTable({ cpu, date, commit, runs }: Runtimes): string {
  const groups = new Map<string, Recorded[]>();
  for (const run of runs) {
    const { runtime, version, place, isolated, backend, width } = run;
    const key = JSON.stringify([runtime, version, place, isolated, backend, width]);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const rows = [...groups.values()].map((group) => {
    const [{ runtime, version, place = "", isolated, backend, width }] = group;
    const threads = unique(group.map((run) => run.threads)).sort((a, b) => a - b);
    const dtypes = ["float32", "int8", "int8-12"].filter((dtype) => group.some((run) => run.dtype === dtype));
    const right = group.every((run) => run.hash);
    const [part] = group.filter(({ texts }) => texts !== undefined);
    const hash = right ? `as committed: ${dtypes.join(", ")}` : "**other bits**";
    // The fastest of what was measured: with the most threads there are.
    const speeds = group.map((run) => run.sentencesPerSecond ?? 0);
    const speed = Math.max(...speeds) || "";
    const where = [place, isolated === null ? "" : isolated ? "isolated" : "not isolated"].filter(Boolean).join(", ");
    return {
      sort: [position(runtime, ORDER), version, where, -width] as const,
      cells: [
        `${runtime} ${version}`,
        where,
        backend,
        threads.join(", "),
        width === 0 ? "" : `${width}`,
        right && part !== undefined ? `as Node's js, ${part.texts} texts` : hash,
        `${speed}`,
      ],
    };
  });
  rows.sort(({ sort: a }, { sort: b }) => a[0] - b[0] || compare(a[1], b[1]) || compare(a[2], b[2]) || a[3] - b[3]);
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(["runtime", "where", "backend", "threads", "bits of a vector", "hash of 500 texts", "sentences/s"]),
    line(["---", "---", "---", "---", "---", "---", "---"]),
    ...rows.map(({ cells }) => line(cells)),
    "",
    `Sentences/s: munjang-mini-ko, short sentences, half a second in a loop, other programs running; no benchmark. ${cpu}, Linux, x86-64, commit ${commit}, ${date}. Not run: ARM, macOS, Windows, Safari.`,
  ].join("\n");
}

const compare = (a: string, b: string): number => a.localeCompare(b, "en", { numeric: true });

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes("--fresh")) {
    rmSync(RESULTS, { recursive: true, force: true });
    process.exit();
  }
  const files = existsSync(RESULTS) ? readdirSync(RESULTS).sort() : [];
  const runs: Recorded[] = files.map((file) => JSON.parse(readFileSync(join(RESULTS, file), "utf8")));
  const git = (...args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
  const all: Runtimes = {
    cpu: cpu(),
    date: new Date().toISOString().slice(0, 10),
    commit: git("rev-parse", "--short", "HEAD"),
    runs,
  };
  console.log(runtimesTable(all));
  if (process.argv.includes("--write")) {
    const file = join(import.meta.dirname, "../../bench/results/runtimes.json");
    writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`);
  }
  if (runs.length === 0 || runs.some(({ hash }) => !hash)) process.exitCode = 1;
}
