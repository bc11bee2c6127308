import { result } from "../result.ts";

/* What the pages say of the bundled model in numbers that need no labelled data, as bench/results/model.json has them. */

/** Where the model lies: float16 as it was trained, and int8 as it ships. */
export const FLOAT16 = "test/golden/mini-ko";
export const SHIPPED = "weights/model";

export interface ModelFacts {
  readonly title: string;
  /** SHA-256 of model.safetensors. */
  readonly sha256: { readonly float16: string; readonly shipped: string };
  /** The model of `SentenceTransformer.identity`, which results name too. */
  readonly identity: string;
  readonly bytes: { readonly float16: number; readonly shipped: number; readonly allShipped: number };
  readonly parameters: number;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly vocabulary: number;
  readonly positions: number;
  /** What `munjang demo` compares, as shipped: a text, and the cosine of each other one with it. */
  readonly demo: readonly { readonly text: string; readonly cosines: Readonly<Record<string, number>> }[];
  /** How the sentences that pages take apart are cut, special tokens included. */
  readonly tokens: Readonly<Record<string, readonly string[]>>;
}

/** The committed facts. */
export const facts = (): ModelFacts => result("model.json");

/** Of the demonstration: how near two sentences are, the first of which is a group's own. */
export function cosineOf(of: ModelFacts, text: string, other: string): number {
  const found = of.demo.find((group) => group.text === text)?.cosines[other];
  if (found === undefined) throw new Error(`bench/results/model.json has no cosine of ${text} and ${other}`);
  return found;
}
