import type { Identity } from "munjang";
import { SPLITS } from "../documents.ts";
import { shortest } from "../formats.ts";
import { type Classifier, FEATURES } from "./classifier.ts";

const FORMAT = "munjang-classifier";
const VERSION = 1;

/** JSON of a classifier, one line a class and a run of characters; numbers as short as gives the same float32 back. */
export function writeClassifier({ weights, characters, ...about }: Classifier): string {
  const K = about.labels.length;
  const lines = (values: Float64Array, width: number): string => {
    const count = width === 0 ? 0 : values.length / width;
    const rows = Array.from(
      { length: count },
      (_, i) => `[${Array.from(values.subarray(i * width, (i + 1) * width), shortest)}]`,
    );
    return `[\n${rows.join(",\n")}\n]`;
  };
  const fields = Object.entries({ format: FORMAT, version: VERSION, ...about })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  fields.push(`"bias": [${Array.from(weights.bias, shortest)}]`);
  fields.push(`"weights": ${lines(weights.dense, weights.dense.length / K)}`);
  if (characters !== undefined) {
    const { range, runs, idf } = characters;
    fields.push(`"characters": {"range": ${JSON.stringify(range)},\n"runs": ${JSON.stringify(runs)},`);
    fields[fields.length - 1] += `\n"idf": [${idf.map(shortest)}],\n"weights": ${lines(weights.sparse, K)}}`;
  }
  return `{\n${fields.join(",\n")}\n}\n`;
}

/** Reads what `writeClassifier` wrote. @throws Error naming the file, the field, and what to do. */
export function readClassifier(json: string, file: string): Classifier {
  const again = "train it again with munjang classify train";
  let all: unknown;
  try {
    all = JSON.parse(json);
  } catch (error) {
    throw new Error(`${file} is no classifier: it is not JSON (${(error as Error).message}); ${again}`);
  }
  if (!isObject(all) || all.format !== FORMAT)
    throw new Error(`${file} is no classifier of munjang: it has no "format": "${FORMAT}"`);
  if (all.version !== VERSION)
    throw new Error(`${file} has version ${JSON.stringify(all.version)}, this munjang reads ${VERSION}; ${again}`);
  const wrong = (field: string, what: string): never => {
    throw new Error(`"${field}" of ${file} ${what}; ${again}`);
  };
  const arrayOf = <T>(field: string, value: unknown, is: (item: unknown) => item is T, length?: number): T[] => {
    if (!Array.isArray(value) || !value.every(is))
      return wrong(field, `must be an array of ${is.name.slice(2).toLowerCase()}s`);
    return length === undefined || value.length === length
      ? value
      : wrong(field, `has ${value.length} items and must have ${length}`);
  };
  const oneOf = <T extends string>(field: string, value: unknown, values: readonly T[]): T =>
    values.find((item) => item === value) ??
    wrong(field, `is ${JSON.stringify(value)} and must be ${values.join(" or ")}`);
  /** Nine digits are meant for a float32. */
  const floats = (field: string, value: unknown, length: number): number[] =>
    arrayOf(field, value, isNumber, length).map(Math.fround);
  const matrix = (field: string, value: unknown, rows: number, width?: number): Float64Array => {
    const lists = Array.isArray(value) && value.length === rows ? value : wrong(field, `must have ${rows} rows`);
    const wide = width ?? (Array.isArray(lists[0]) ? lists[0].length : 0);
    return Float64Array.from(lists.flatMap((row: unknown) => floats(field, row, wide)));
  };

  const labels = arrayOf("labels", all.labels, isString);
  const K = labels.length;
  if (K < 2 || new Set(labels).size < K) wrong("labels", "must be two or more different ones");
  const features = oneOf("features", all.features, FEATURES);
  const { characters, identity, model } = all;
  if (features !== "embeddings" && !isObject(characters)) wrong("characters", "is missing");
  const runs = isObject(characters) ? arrayOf("characters.runs", characters.runs, isString) : [];
  const dense = features === "characters" ? new Float64Array(0) : matrix("weights", all.weights, K);
  return {
    ...{ labels, features, model: isString(model) ? model : undefined },
    examples: arrayOf("examples", all.examples, isNumber, K),
    C: isNumber(all.C) ? all.C : wrong("C", "must be a number"),
    weighting: oneOf("weighting", all.weighting, ["balanced", "none"]),
    tried: Array.isArray(all.tried) ? all.tried : wrong("tried", "must be an array"),
    folds: isNumber(all.folds) ? all.folds : wrong("folds", "must be a number"),
    seed: isNumber(all.seed) ? all.seed : wrong("seed", "must be a number"),
    converged: all.converged === true,
    split: all.split === undefined ? undefined : oneOf("split", all.split, SPLITS),
    identity: isObject(identity) ? (identity as unknown as Identity) : undefined,
    weights: {
      dense,
      bias: Float64Array.from(floats("bias", all.bias, K)),
      sparse: isObject(characters)
        ? matrix("characters.weights", characters.weights, runs.length, K)
        : new Float64Array(0),
    },
    characters: isObject(characters)
      ? {
          range: arrayOf("characters.range", characters.range, isNumber, 2) as [number, number],
          idf: floats("characters.idf", characters.idf, runs.length),
          runs,
        }
      : undefined,
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isString = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** @throws Error where the vectors of a model are not those the classifier was trained with. */
export function checkIdentity({ identity, model }: Classifier, now: Identity, file: string): void {
  if (identity === undefined) return;
  const fields = Object.keys(now) as (keyof Identity)[];
  const different = fields.filter((field) => identity[field] !== now[field]);
  if (different.length === 0) return;
  const shown = different.map((field) =>
    field === "model" ? "model" : `${field} ${JSON.stringify(identity[field])}, not ${JSON.stringify(now[field])}`,
  );
  throw new Error(
    `${file} was trained with vectors of another model (${shown.join("; ")}): give the one it was trained with${
      model === undefined ? "" : `, --model ${model}`
    }, or train it again`,
  );
}
