/** Plots of a result as SVG, drawn by vega-lite. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ENGINES, here } from "./engines.ts";
import type { RivalsResult, Row } from "./results.ts";

interface Vega {
  parse(spec: object): object;
  readonly View: new (runtime: object, options: { renderer: "none" }) => { toSVG(): Promise<string> };
}
interface VegaLite {
  compile(spec: object): { readonly spec: object };
}

const require = createRequire(join(here, "engines/package.json"));
const load = async <T>(name: string): Promise<T> => (await import(pathToFileURL(require.resolve(name)).href)) as T;

/** Ours stand out; a rival keeps its hue in both precisions. */
const COLOURS: Readonly<Record<string, string>> = {
  munjang: "#d62728",
  "munjang, wide": "#ff7f0e",
  "onnxruntime-web": "#1f77b4",
  "onnxruntime-web, int8": "#9ecae1",
  "onnxruntime-node": "#2ca02c",
  "onnxruntime-node, int8": "#98df8a",
  "sentence-transformers on PyTorch": "#7f7f7f",
};

/** Sentences a second over the number behind `prefix` in a work's name, one line an engine. */
export async function plot(result: RivalsResult, prefix: string, xTitle: string, threads: number): Promise<string> {
  const [vega, lite] = await Promise.all([load<Vega>("vega"), load<VegaLite>("vega-lite")]);
  const shown = result.rows.filter((row) => row.work.startsWith(prefix) && row.threads === threads);
  const domain = ENGINES.map(({ name }) => name).filter((name, i, all) => all.indexOf(name) === i && name in COLOURS);
  const present = domain.filter((name) => shown.some(({ engine }) => engine === name));
  const values = shown.map((row: Row) => ({
    engine: row.engine,
    x: Number(row.work.slice(prefix.length)),
    median: row.sentencesPerSecond.median,
    min: row.sentencesPerSecond.min,
    max: row.sentencesPerSecond.max,
  }));
  const x = {
    field: "x",
    type: "quantitative",
    scale: { type: "log", base: 2 },
    title: xTitle,
    axis: { values: [...new Set(values.map((value) => value.x))], grid: false },
  };
  const color = {
    field: "engine",
    type: "nominal",
    title: null,
    legend: { labelLimit: 0 },
    sort: present,
    scale: { domain: present, range: present.map((name) => COLOURS[name]) },
  };
  const { spec } = lite.compile({
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    width: 560,
    height: 340,
    background: "white",
    title: `Sentences a second, ${threads === 1 ? "one thread" : `${threads} threads`}, ${result.machine.cpu}`,
    data: { values },
    encoding: { x, color },
    layer: [
      {
        mark: { type: "line", point: true },
        encoding: {
          y: { field: "median", type: "quantitative", scale: { type: "log" }, title: "sentences/s, logarithmic" },
        },
      },
      { mark: "rule", encoding: { y: { field: "min", type: "quantitative" }, y2: { field: "max" } } },
    ],
  });
  return new vega.View(vega.parse(spec), { renderer: "none" }).toSVG();
}
