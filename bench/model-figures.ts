import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { result, root } from "./result.ts";
import { cosineOf, facts } from "./ship/facts.ts";

/* Figures of the bundled model itself, out of results/model.json and, for its card, of the training. */

const millions = (n: number): string => (n / 1e6).toFixed(2);

/** The whole package's model folder, in MB. */
export const megabytes = (): string => `${(facts().bytes.allShipped / 1e6).toFixed(1)} MB`;
/** model.safetensors alone. */
export const weightsMegabytes = (): string => `${(facts().bytes.shipped / 1e6).toFixed(1)} MB`;
export const layers = (): string => `${facts().layers}`;

/** For the card's first sentence. */
export function shape(): string {
  const { layers, hidden, heads, vocabulary, positions, parameters } = facts();
  return [
    `BERT with ${layers} layers of ${hidden}, ${heads} heads,`,
    `${vocabulary.toLocaleString("en")} WordPiece entries, ${positions} positions, mean pooling, ${millions(parameters)} million parameters, int8, ${megabytes()}`,
  ].join("\n");
}

export const checksum = (): string => `\`${facts().sha256.shipped}\``;

const block = (...lines: readonly string[]): string => ["", "```", ...lines, "```", ""].join("\n");

/** As `munjang demo` prints it; a test of the README's blocks compares. */
export function demo(): string {
  const [, { text, cosines }] = facts().demo;
  // Syllables and the space between them: two columns and one.
  const width = (of: string): number => [...of].reduce((n, c) => n + (c === " " ? 1 : 2), 0);
  const rows = Object.entries(cosines).sort(([, a], [, b]) => b - a);
  const most = Math.max(...rows.map(([other]) => width(other)));
  return block(
    `Sleepy: ${text}`,
    ...rows.map(([other, value]) => `  ${other}${" ".repeat(most - width(other))}  ${value.toFixed(4)}`),
  );
}

const drowsy = (): string => cosineOf(facts(), "잠이 옵니다", "졸음이 옵니다").toFixed(4);

/** What the examples of docs/adapters.md print; test/adapters runs them. */
export const adapters: Readonly<Record<string, () => string>> = {
  "prints-ai": () => block(`졸음이 옵니다 ${facts().tokens["잠이 옵니다"].length}`),
  "prints-llamaindex": () => block(`졸음이 옵니다 ${drowsy()}`),
  "prints-pipeline": () => block(`[ 2, ${facts().hidden} ] ${drowsy()}`),
};

/** Cosines of the demonstration that the card quotes, as shipped. */
const EMPTY = "그 식당은 파리를 날린다";
const quoted = (text: string, other: string) => (): string => cosineOf(facts(), text, other).toFixed(3);
export const card: Readonly<Record<string, () => string>> = {
  "cosine-negation": quoted("잠이 옵니다", "잠이 안 옵니다"),
  "cosine-drowsy": quoted("잠이 옵니다", "졸음이 옵니다"),
  "cosine-flies": quoted(EMPTY, "파리가 식당에 날아다닌다"),
  "cosine-empty": quoted(EMPTY, "그 식당에는 손님이 없다"),
  negation: () => (trained() ? `${negationsRight().toFixed(0)} %` : "not measured"),
};

/** How the cosines of pairs lie, over KLUE-STS dev. */
export const cosineMean = (): string => cosines().mean.toFixed(2);
export const cosineDeviation = (): string => cosines().deviation.toFixed(3);
const cosines = (): { mean: number; deviation: number } => result("evaluate.json").correlations["KLUE-STS dev"].cosines;

/** What whole numbers cost, in points of Spearman, for the card. */
export function int8Costs(): string {
  const sets = Object.entries(result("quality.json").correlations as Record<string, Record<string, number>>);
  const each = sets.map(
    ([name, of]) => `${name} ${of.float32.toFixed(2)} with float32, ${of.int8.toFixed(2)} with int8`,
  );
  return each.join("; ");
}

/** A figures.json of reference/train, as far as the card has it. */
export interface Training {
  readonly profile: { readonly name: string };
  readonly seed: number;
  readonly without: readonly string[];
  /** Seed of the run whose masked language modelling this one took, if it took one. */
  readonly pretrained?: number | null;
  /** Of the float16 model that came out. */
  readonly sha256: string;
  readonly rows: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export const COLUMNS: readonly (readonly [name: string, ...path: string[]])[] = [
  ["KLUE-STS dev", "KLUE-STS dev", "spearman"],
  ["KorSTS dev", "KorSTS dev", "spearman"],
  ["paraphrase AP", "paraphrase"],
  ["retrieval MRR", "retrieval", "mrr"],
  ["YNAT probe", "YNAT probe"],
  ["styles MRR", "styles", "mrr"],
  ["without spaces", "spacing", "no spaces"],
  ["negation", "negation", "right"],
];
/** Rows of a figures.json, by what the card calls them. */
const ROWS: Readonly<Record<string, string>> = {
  "shipped, int8": "this recipe, as shipped",
  "shipped, int8, 128 dimensions": "its first 128 numbers",
  "shipped, int8, 64 dimensions": "its first 64 numbers",
  static: "word vectors alone, trained on the same",
  "TF-IDF, whole string": "TF-IDF of character 1- to 3-grams, whole string",
  "TF-IDF, inside words": "TF-IDF of character 1- to 3-grams, inside words",
};

/** All runs in reference/train/figures. */
export function trainings(): Training[] {
  const folder = join(root, "reference/train/figures");
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".json")) : [];
  return files.sort().map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as Training);
}

/** Rows of the run that made the bundled model; undefined where it is not in reference/train/figures. */
export const trained = (): Training["rows"] | undefined =>
  trainings().find(({ sha256 }) => sha256 === facts().sha256.float16)?.rows;

/** Of the 207 sentences with a negation, those that the shipped model has right, in percent; NaN where nobody measured. */
export const negationsRight = (): number =>
  (inside(trained()?.["shipped, int8"], ["negation", "right"]) as number | undefined) ?? Number.NaN;

/** The card's table: whole runs of the profile that made the bundled model, that one's own among them. */
export function training(): string {
  const { float16 } = facts().sha256;
  return trainingTable(sameRecipe(trainings(), float16), float16);
}

/** Whole runs of the profile that this model came out of; none where none of the runs made it. */
export function sameRecipe(runs: readonly Training[], sha256: string): Training[] {
  const whole = runs.filter(({ without }) => without.length === 0);
  const made = whole.find((run) => run.sha256 === sha256);
  return whole.filter(({ profile }) => profile.name === made?.profile.name);
}

/** Mean ± standard deviation over the runs' seeds, times 100 as the runs have it; nothing without runs. */
export function trainingTable(runs: readonly Training[], sha256?: string): string {
  if (runs.length === 0) return "\n";
  const cell = (row: string, [, ...path]: (typeof COLUMNS)[number], of = runs): string => {
    const values = of.map(({ rows }) => inside(rows[row], path)).filter((value) => typeof value === "number");
    if (values.length === 0) return "-";
    const mean = values.reduce((a, b) => a + b) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const spread = values.length > 1 ? ` ± ${Math.sqrt(squares / (values.length - 1)).toFixed(1)}` : "";
    return `${mean.toFixed(1)}${spread}`;
  };
  const made = runs.length > 1 ? runs.find((run) => run.sha256 === sha256) : undefined;
  const own = made
    ? [
        `| **this model, seed ${made.seed}** | ${COLUMNS.map((column) => cell("shipped, int8", column, [made])).join(" | ")} |`,
      ]
    : [];
  const seeds = runs.map(({ seed }) => seed).join(", ");
  const took = runs.filter(({ pretrained }) => typeof pretrained === "number").length;
  const shared = took
    ? ` ${took} of them took the masked language modelling of another: the deviation is of what comes after it; where models learn from siblings, neighbouring seeds have some in common.`
    : "";
  return [
    "",
    `| | ${COLUMNS.map(([name]) => name).join(" | ")} |`,
    `|${"---|".repeat(COLUMNS.length + 1)}`,
    ...own,
    ...Object.entries(ROWS).map(
      ([row, name]) => `| ${name} | ${COLUMNS.map((column) => cell(row, column)).join(" | ")} |`,
    ),
    "",
    runs.length === 1
      ? `One run, seed ${seeds}.`
      : `Mean and standard deviation over ${runs.length} runs, seeds ${seeds}; a row without deviations is of one of them.${shared}`,
    "",
  ].join("\n");
}

export const inside = (value: unknown, path: readonly string[]): unknown =>
  path.reduce((at, name) => (at as Record<string, unknown> | null | undefined)?.[name], value);
