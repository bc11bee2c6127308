import { result, type Timed } from "./result.ts";

/* Figures of the tools: evaluation, classification, the server, bulk runs. */

export function evaluate(): string {
  const { correlations, binary, cpu, node } = result("evaluate.json");
  const points = (value: number): string => (100 * value).toFixed(1);
  type Both<T> = [name: string, of: { pairs: number; model: T; characters: T }];
  const sts = Object.entries(correlations) as Both<{ pearson: number; spearman: number }>[];
  const told = Object.entries(binary) as Both<{ ap: number; f1: number }>[];
  return [
    "",
    "| times 100 | pairs | munjang-mini-ko | character TF-IDF |",
    "|---|---|---|---|",
    ...sts.map(([name, { pairs, model, characters }]) => {
      const both = (of: typeof model): string => `${points(of.spearman)} / ${points(of.pearson)}`;
      return `| ${name}, Spearman / Pearson | ${pairs} | ${both(model)} | ${both(characters)} |`;
    }),
    ...told.map(([name, { pairs, model, characters }]) => {
      const both = (of: typeof model): string => `${points(of.ap)} / ${points(of.f1)}`;
      return `| ${name}, average precision / F1 | ${pairs} | ${both(model)} | ${both(characters)} |`;
    }),
    "",
    `${cpu}, Node ${node}.`,
    "",
  ].join("\n");
}

interface Served {
  readonly threads: number;
  readonly engine: { readonly median: number };
  readonly atCapacity: Readonly<Record<"p50" | "p99" | "coresOfGenerator", number>> &
    Readonly<Record<"rate" | "ofEngine", Timed["rate"]>>;
  readonly overload: Readonly<
    Record<
      "seconds" | "timesCapacity" | "rate" | "ofEngine" | "answered" | "refused" | "p50" | "p99" | "coresOfGenerator",
      number
    >
  > & {
    readonly residentMB: Readonly<Record<"before" | "firstHalf" | "secondHalf" | "after", number>>;
  };
  readonly compared: number;
  readonly wrong: number;
}

export function serve(): string {
  const { title, cpu, cores, node, date, runs } = result("serve.json") as Record<string, string> & { runs: Served[] };
  const row = (name: string, show: (run: Served) => string): string => `| ${name} | ${runs.map(show).join(" | ")} |`;
  const percent = (part: number): string => `${Math.round(100 * part)} %`;
  const ms = ({ p50, p99 }: { p50: number; p99: number }): string => `${p50.toFixed(0)} / ${p99.toFixed(0)} ms`;
  const mb = ({ residentMB: of }: Served["overload"]): string => {
    return [of.before, of.firstHalf, of.secondHalf, of.after].map((value) => value.toFixed(0)).join(" / ");
  };
  return [
    "",
    `| | ${runs.map(({ threads }) => `${threads} ${threads === 1 ? "thread" : "threads"}`).join(" | ")} |`,
    `|---|${runs.map(() => "---|").join("")}`,
    row("the engine by itself, texts/s", ({ engine }) => engine.median.toFixed(0)),
    row("at capacity, texts/s", ({ atCapacity }) => atCapacity.rate.median.toFixed(0)),
    row("of the engine's, round by round", ({ atCapacity: { ofEngine } }) => {
      return `${percent(ofEngine.median)} (${percent(ofEngine.min)} … ${percent(ofEngine.max)})`;
    }),
    row("p50 / p99 of a request", ({ atCapacity }) => ms(atCapacity)),
    row("cores the generator took", ({ atCapacity }) => atCapacity.coresOfGenerator.toFixed(2)),
    row("asked for so many times that", ({ overload }) => overload.timesCapacity.toFixed(1)),
    row("answered texts/s", ({ overload }) => overload.rate.toFixed(0)),
    row("of the engine's", ({ overload }) => percent(overload.ofEngine)),
    row("requests answered / refused with 429", ({ overload }) => `${overload.answered} / ${overload.refused}`),
    row("p50 / p99 of those answered", ({ overload }) => ms(overload)),
    row("cores the generator took", ({ overload }) => overload.coresOfGenerator.toFixed(2)),
    row("resident MB before / first half / second half / after", ({ overload }) => mb(overload)),
    row("answers compared / wrong", ({ compared, wrong }) => `${compared} / ${wrong}`),
    "",
    `${title}; ${runs[0].overload.seconds} s of overload. ${cpu}, ${cores} cores, Node ${node}, ${date}.`,
    "",
  ].join("\n");
}

interface BulkCase {
  readonly name: string;
  readonly tokensPerSentence: number;
  readonly perCoreSecond: Timed["rate"];
  readonly megabytes: Timed["rate"];
}

/** Dollars an hour of one core, of which the sizing makes money; the page says that it is an example. */
const CORE_HOUR = 0.04;
const BILLION = 1e9;

export function bulk(): string {
  const { cases, cpu, node, wide } = result("bulk.json");
  const row = ({ name, tokensPerSentence, perCoreSecond: { min, median, max }, megabytes }: BulkCase): string => {
    const [middle, least, most] = [median, min, max].map((value) => Number(value.toPrecision(3)).toLocaleString("en"));
    const rate = `${middle} (${least} … ${most})`;
    return `| ${name} | ${tokensPerSentence.toFixed(1)} | ${rate} | ${Math.round(megabytes.median)} |`;
  };
  return [
    "",
    "| model, output | tokens a sentence | sentences a core second, median (min … max) | memory of a process, MB |",
    "|---|---|---|---|",
    ...(cases as BulkCase[]).map(row),
    "",
    `${cpu}, Node ${node}${wide ? ", `--wide`" : ""}.`,
    "",
  ].join("\n");
}

export function sizing(): string {
  const cases = (result("bulk.json").cases as BulkCase[]).filter(({ name }) => name.endsWith(" npy"));
  const row = ({ name, perCoreSecond }: BulkCase): string => {
    const hours = BILLION / perCoreSecond.median / 3600;
    const whole = (value: number): string => Number(value.toPrecision(2)).toLocaleString("en");
    return `| ${name.replace(/, npy$/, "")} | ${whole(hours)} | ${whole(hours / 64)} | ${whole(hours / 1024)} | ${whole(hours * CORE_HOUR)} |`;
  };
  return [
    "",
    `| a billion sentences | core hours | hours on 64 cores | on 1,024 | dollars, at ${CORE_HOUR} a core hour |`,
    "|---|---|---|---|---|",
    ...cases.map(row),
    "",
  ].join("\n");
}

export function kills(): string {
  const all = result("bulk.json").kills as { form: string; kills: number; later: number; sameBytes: boolean }[];
  const row = ({ form, kills, later, sameBytes }: (typeof all)[number]): string =>
    `| ${form} | ${kills} | ${later} | ${sameBytes ? "yes" : "NO"} |`;
  return [
    "",
    "| output | killed | of these while going on | the bytes of an undisturbed run |",
    "|---|---|---|---|",
    ...all.map(row),
    "",
  ].join("\n");
}

interface Classified {
  readonly examplesPerTopic: number;
  readonly features: string;
  readonly accuracy: { readonly mean: number; readonly deviation: number };
  readonly macroF1: { readonly mean: number };
}

export function classify(): string {
  const { results, seeds, cpu, node } = result("classify.json");
  const kinds = ["embeddings", "characters", "both"];
  const sizes = [...new Set<number>(results.map(({ examplesPerTopic }: Classified) => examplesPerTopic))];
  const rows = sizes.map((size) => {
    const cells = kinds.map((kind) => {
      const { accuracy } = results.find((one: Classified) => one.examplesPerTopic === size && one.features === kind);
      return `${(100 * accuracy.mean).toFixed(1)} ± ${(100 * accuracy.deviation).toFixed(1)}`;
    });
    return `| ${size.toLocaleString("en")} | ${cells.join(" | ")} |`;
  });
  return [
    "",
    `| examples a topic | ${kinds.join(" | ")} |`,
    `|---|${kinds.map(() => "---|").join("")}`,
    ...rows,
    "",
    `Accuracy in percent, seeds ${seeds.join(", ")}. ${cpu}, Node ${node}.`,
    "",
  ].join("\n");
}

/** Milliseconds that a page cannot answer at most, while a model loads or embeds. */
export function longest(): string {
  interface Case {
    readonly load: { readonly longest: number };
    readonly encode: { readonly longest: number };
  }
  const { measured } = result("browser.json") as { measured: Record<string, Record<string, Case>> };
  const cases = Object.values(measured).flatMap((browser) => Object.values(browser));
  return `${Math.max(...cases.flatMap(({ load, encode }) => [load.longest, encode.longest]))}`;
}
