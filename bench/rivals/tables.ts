/** Markdown of a result: the table of the README, and all tables on a page of their own. */
import type { Spread } from "../measure.ts";
import { ENGINES } from "./engines.ts";
import type { EngineRow, RivalsResult, Row } from "./results.ts";
import { batchWork, mainWork, mixedWork, TYPICAL } from "./works.ts";

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
const ranged = ({ min, median, max }: Spread): string => `${digits(median)} (${digits(min)} … ${digits(max)})`;
const megabytes = (bytes: number | undefined): string =>
  bytes === undefined ? "" : bytes < 1e7 ? (bytes / 1e6).toFixed(1) : (bytes / 1e6).toFixed(0);

/** Engines in the order of their table, each name once. */
const names = [...new Set(ENGINES.filter(({ kind }) => kind === "model").map(({ name }) => name))];

type Find = (work: string, engine: string, threads?: number, form?: string) => Row | undefined;
const finder =
  ({ rows }: RivalsResult): Find =>
  (work, engine, threads = 1, form = "ids") =>
    rows.find((row) => row.work === work && row.engine === engine && row.threads === threads && row.form === form);

const milliseconds = (row: Row | undefined): string =>
  row === undefined ? "" : digits(1000 / row.sentencesPerSecond.median);
const rate = (row: Row | undefined): string => (row === undefined ? "" : digits(row.sentencesPerSecond.median));
const about = (result: RivalsResult): string => {
  const { cpu, family, model, node, commit } = result.machine;
  const rounds = result.phases.map(({ threads, rounds: n }) => `${n} of ${threads} thread${threads === 1 ? "" : "s"}`);
  return `${cpu} (family ${family}, model ${model}), Node ${node}, commit ${commit}, ${result.date}; rounds: ${rounds.join(", ")}.`;
};

function mean(result: RivalsResult): string {
  const row = result.rows.find(({ work }) => work === mainWork);
  return row === undefined ? "?" : (row.tokens / row.texts).toFixed(1);
}

/** What the README shows of one machine. */
export function mainTable(result: RivalsResult): string {
  const find = finder(result);
  const memory = (engine: EngineRow | undefined): string => megabytes(engine?.after?.resident);
  const known = names.filter((name) => result.engines.some(({ engine }) => engine === name));
  const rows = known.map((name) => {
    const engine = result.engines.find((row) => row.engine === name && row.threads === 1);
    if (engine?.skipped !== undefined) return [name, "not measured", "", "", "", "", "", ""];
    const main = find(mainWork, name);
    return [
      name,
      rate(main),
      rate(find(mainWork, name, 2)),
      rate(find(mainWork, name, 1, "texts")),
      milliseconds(find(batchWork(1), name)),
      engine?.load === undefined ? "" : engine.load.median.toFixed(2),
      memory(engine),
      megabytes(engine?.install),
    ];
  });
  const head = [
    "",
    "sentences/s, 1 thread",
    "2 threads",
    "from text, 1 thread",
    `one sentence of ${TYPICAL} tokens, ms`,
    "load, s",
    "memory, MB",
    "install, MB",
  ];
  return `${table(head, rows)}\n\n${about(result)}`;
}

/** A over B round by round: the median of the ratios of speeds, with the smallest and the largest. */
function ratio(a: Row | undefined, b: Row | undefined): string {
  if (a === undefined || b === undefined) return "not measured";
  const all = a.rounds.slice(0, b.rounds.length).map((ms, i) => b.rounds[i] / ms);
  const sorted = [...all].sort((x, y) => x - y);
  return `${sorted[sorted.length >> 1].toFixed(2)} (${sorted[0].toFixed(2)} … ${sorted[sorted.length - 1].toFixed(2)})`;
}

function comparisons(result: RivalsResult): string {
  const find = finder(result);
  const [ours, wide, web, torch] = ["munjang", "munjang, wide", "onnxruntime-web", "sentence-transformers on PyTorch"];
  const speed = (work: string, a: string, b: string): string => ratio(find(work, a), find(work, b));
  const latency = (a: string): string => ratio(find(batchWork(1), web), find(batchWork(1), a));
  const threads = (work: string, name: string): string => ratio(find(work, name, 2), find(work, name));
  return table(
    ["times as fast, median of the rounds (least … most)", ""],
    [
      ["munjang against onnxruntime-web", speed(mainWork, ours, web)],
      ["munjang, wide, against onnxruntime-web", speed(mainWork, wide, web)],
      ["munjang, wide, against sentence-transformers on PyTorch", speed(mainWork, wide, torch)],
      ["mixed lengths, munjang against onnxruntime-web", speed(mixedWork, ours, web)],
      ["mixed lengths, munjang, wide, against onnxruntime-web", speed(mixedWork, wide, web)],
      [`one sentence of ${TYPICAL} tokens: munjang's time over onnxruntime-web's`, latency(ours)],
      [`one sentence of ${TYPICAL} tokens: the wide time over onnxruntime-web's`, latency(wide)],
      ["two threads against one, munjang", threads(mainWork, ours)],
      [`two threads against one, munjang, one sentence of ${TYPICAL} tokens`, threads(batchWork(1), ours)],
      ["two threads against one, munjang, wide", threads(mainWork, wide)],
      ...wholeNumbers(speed),
    ].filter(([, value]) => value !== "not measured"),
  );
}

/** What int8 is held against. */
function wholeNumbers(speed: (work: string, a: string, b: string) => string): string[][] {
  const pairs = [
    ["munjang, int8", "munjang"],
    ["munjang, int8", "onnxruntime-web, int8"],
    ["munjang, int8", "onnxruntime-node"],
    ["munjang, int8", "sentence-transformers on PyTorch"],
    ["munjang, int8, wide", "onnxruntime-node, int8"],
    ["munjang, int8-12", "munjang"],
  ];
  return pairs.flatMap(([a, b]) => [
    [`${a}, against ${b}`, speed(mainWork, a, b)],
    [`one sentence of ${TYPICAL} tokens: ${a}, against ${b}`, speed(batchWork(1), a, b)],
  ]);
}

/** A table under its heading, one work a column, one engine a row; nothing, where fewer than two were measured. */
function sweep(result: RivalsResult, prefix: string, title: string, threads: number): string {
  const find = finder(result);
  const swept = result.rows.filter((row) => row.work.startsWith(prefix) && row.threads === threads);
  const works = [...new Set(swept.map(({ work }) => work))];
  if (works.length < 2) return "";
  const rows = names
    .filter((name) => works.some((work) => find(work, name, threads) !== undefined))
    .map((name) => [name, ...works.map((work) => rate(find(work, name, threads)))]);
  return `\n## ${title}, threads: ${threads}\n\n${table(["sentences/s", ...works], rows)}\n`;
}

function details(result: RivalsResult): string {
  const rows = result.rows
    .filter(({ work }) => [mainWork, mixedWork].includes(work) || work.startsWith("batch "))
    .map((row) => [
      row.engine,
      String(row.threads),
      row.work + (row.form === "texts" ? ", from text" : ""),
      String(row.batch),
      ranged(row.sentencesPerSecond),
      digits(row.gflops.median),
      row.ofCached === undefined ? "" : `${row.ofCached} %`,
      row.ofRegister === undefined ? "" : `${row.ofRegister} %`,
    ]);
  const head = [
    "",
    "threads",
    "what",
    "batch",
    "sentences/s",
    "GFLOP/s",
    "of the tile in cache",
    "of the register loop",
  ];
  return table(head, rows);
}

function processes(result: RivalsResult): string {
  const rows = result.engines
    .filter(({ engine }) => names.includes(engine))
    .map(({ engine, threads, load, first, loaded, after, check, skipped, install }) => [
      engine,
      String(threads),
      load === undefined ? "" : ranged(load),
      first === undefined ? "" : ranged(first),
      megabytes(loaded?.peak),
      megabytes(after?.resident),
      megabytes(install),
      check === undefined ? "" : `${check.worst.toExponential(1)}, ${check.cosine.toFixed(5)}`,
      skipped ?? "",
    ]);
  const head = ["", "threads", "load, s", "to the first vector, s", "peak while loading, MB", "resident after, MB"];
  return table([...head, "install, MB", "worst element, cosine", "not measured because"], rows);
}

/** Everything, for docs and for whoever doubts the README. `plots` are file names beside the page. */
export function page(result: RivalsResult, plots: readonly string[]): string {
  const counts = [...new Set(result.rows.map((row) => row.threads))];
  const kernels = result.rates.map(({ engine, threads: n, what, rate: r }) => [engine, String(n), what, ranged(r)]);
  return `# munjang and its rivals

${result.complete ? "" : "**This run was cut off.** "}Sentences: ${result.sentences}, ${mean(result)} tokens on average; vocabulary: ${result.vocabulary}.
Made by \`npm run bench:rivals\`; docs/rivals.md says how. Processes running as each round began (load average of a minute, the bench's own among
them): ${result.phases.map(({ threads, busy }) => `threads ${threads}: ${busy.join(", ")}`).join("; ")}.

${mainTable(result)}

${comparisons(result)}

${plots.map((file) => `![${file}](${file})`).join("\n")}
${counts.map((n) => sweep(result, "length ", "By length", n) + sweep(result, "batch ", `By batch, sentences of ${TYPICAL} tokens`, n)).join("")}
## Kernels alone, GFLOP/s

${table(["", "threads", "what", "GFLOP/s"], kernels)}

## All rounds, median (least … most)

${details(result)}

## Loading, memory, size, vectors

${processes(result)}
`;
}
