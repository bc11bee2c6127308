import type { Identity } from "munjang";
import type { Split } from "../documents.ts";
import { seeded } from "../random.ts";
import { type Characters, characterFeatures, fitCharacters } from "./characters.ts";
import { type Features, fromVectors, together } from "./features.ts";
import { probabilities, type Weights } from "./logistic.ts";
import { fitBySteps, largestOf, selectC, type Tried, type Weighting } from "./select.ts";

/** What texts are told apart by: their vectors, the runs of characters in them, or both. */
export type FeatureKind = "embeddings" | "characters" | "both";

export const FEATURES: readonly FeatureKind[] = ["embeddings", "characters", "both"];

/** The texts, their vectors, or both, as the features want them; of one length. */
export interface ClassifierInput {
  /** For "embeddings" and "both"; of any length other than 0, which does not matter. */
  readonly vectors?: readonly ArrayLike<number>[];
  /** For "characters" and "both". */
  readonly texts?: readonly string[];
}

/** Plain data: `writeClassifier` makes JSON of it. */
export interface Classifier {
  /** Sorted, [K]. */
  readonly labels: readonly string[];
  readonly features: FeatureKind;
  /** Examples of each label it was trained on, [K]. */
  readonly examples: readonly number[];
  readonly C: number;
  readonly weighting: Weighting;
  /** What cross-validation found; empty where C was given. */
  readonly tried: readonly Tried[];
  readonly folds: number;
  readonly seed: number;
  /** For vectors of unit length, [K, D], and for characters, [V, K]; float32. */
  readonly weights: Weights;
  readonly characters?: Characters;
  /** Whether the weights are the best ones to `tolerance`. */
  readonly converged: boolean;
  /** How long texts were read, where `embedDocuments` made the vectors. */
  readonly split?: Split;
  /** Of the model that made the vectors, and what it was called. */
  readonly identity?: Identity;
  readonly model?: string;
}

export interface TrainOptions {
  /** Default "embeddings". */
  readonly features?: FeatureKind;
  /** "balanced", the default: every class counts the same, however many examples it has. */
  readonly weighting?: Weighting;
  /** See `LogisticOptions`; chosen by cross-validation where it is not given. */
  readonly C?: number;
  /** Parts of the cross-validation: 5, or 3 from 5,000 examples up, where each is enough to judge by; fewer where the smallest class has fewer examples. */
  readonly folds?: number;
  /** Decides which example goes into which part. Default 0. */
  readonly seed?: number;
  /** Put into the classifier. */
  readonly about?: Pick<Classifier, "split" | "identity" | "model">;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** Examples from which three parts do. */
const MANY = 5000;

/** Fits a classifier. @throws Error where there is nothing to tell apart. */
export function trainClassifier(
  input: ClassifierInput,
  given: readonly string[],
  options: TrainOptions = {},
): Classifier {
  const { features: kind = "embeddings", weighting = "balanced", seed = 0, about, onProgress } = options;
  const folds = options.folds ?? (given.length < MANY ? 5 : 3);
  const labels = [...new Set(given)].sort();
  const K = labels.length;
  if (K === 0) throw new Error("there is no example to learn from");
  if (K === 1)
    throw new Error(`all ${given.length} examples have the label "${labels[0]}": there is nothing to tell apart`);
  const place = new Map(labels.map((label, k) => [label, k]));
  const classes = Int32Array.from(given, (label) => place.get(label) ?? 0);
  const examples = labels.map((_, k) => classes.reduce((sum, own) => sum + (own === k ? 1 : 0), 0));

  const characters = kind === "embeddings" ? undefined : fitCharacters(textsOf(input));
  const features = featuresOf(kind, input, characters);
  if (features.rows !== given.length) throw new Error(`there are ${features.rows} texts and ${given.length} labels`);
  const centred = centre(features);

  let { C } = options;
  let tried: readonly Tried[] = [];
  const several = examples.filter((count) => count > 1);
  const parts = Math.min(folds, ...several); // so that every part has an example of each
  if (C === undefined) {
    if (several.length === 0) {
      throw new Error("no label has two examples, so that no C can be tried out: give C, or more examples");
    }
    const all = { weighting, folds: parts, random: seeded(seed) };
    ({ C, tried } = selectC(centred.features, classes, K, {
      ...all,
      onProgress: (done, total) => onProgress?.({ done, total }),
    }));
  }
  const fitted = fitBySteps(centred.features, classes, K, C, weighting);
  const weights = centred.undo(fitted);
  return {
    ...{ labels, features: kind, examples, C, weighting, tried, seed, weights, characters },
    ...{ folds: tried.length === 0 ? 0 : parts, converged: fitted.converged, ...about },
  };
}

export interface Prediction {
  readonly label: string;
  readonly probability: number;
  /** Of every label, in the order of the classifier's, [K]. */
  readonly probabilities: readonly number[];
}

/** The label of each text, and how probable the classifier holds it, and the others. */
export function classify(classifier: Classifier, input: ClassifierInput): Prediction[] {
  const features = featuresOf(classifier.features, input, classifier.characters);
  const wanted = classifier.weights.dense.length / classifier.labels.length;
  if (features.rows > 0 && features.denseWidth !== wanted) {
    throw new Error(`the vectors have ${features.denseWidth} numbers, and the classifier was trained with ${wanted}`);
  }
  return probabilities(features, classifier.weights).map((row) => {
    const k = largestOf(row);
    return { label: classifier.labels[k], probability: row[k], probabilities: [...row] };
  });
}

function textsOf({ texts }: ClassifierInput): readonly string[] {
  if (texts === undefined) throw new Error('features of characters need "texts"');
  return texts;
}

function featuresOf(kind: FeatureKind, input: ClassifierInput, characters: Characters | undefined): Features {
  const sparse = characters === undefined ? undefined : characterFeatures(characters, textsOf(input));
  if (kind === "characters" && sparse !== undefined) return sparse;
  if (input.vectors === undefined) throw new Error('features of embeddings need "vectors"');
  const dense = fromVectors(input.vectors.map(unitLength));
  if (sparse === undefined) return dense;
  if (dense.rows !== sparse.rows) throw new Error(`there are ${dense.rows} vectors and ${sparse.rows} texts`);
  return together(dense, sparse);
}

function unitLength(vector: ArrayLike<number>): Float64Array {
  const row = Float64Array.from(vector);
  const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
  return length === 0 ? row : row.map((x) => x / length);
}

/**
 * The dense part around its mean, of a length of 1 on average. Sentence vectors lie close together, so that what tells them apart is small; this
 * way the same C means the same for every model, and the two parts weigh alike. `undo` makes weights for features as they were.
 */
function centre(features: Features): { features: Features; undo: (weights: Weights) => Weights } {
  const { rows: N, denseWidth: D } = features;
  const dense = Float64Array.from(features.dense);
  const mean = new Float64Array(D);
  for (let i = 0; i < dense.length; i++) mean[i % D] += dense[i] / N;
  let squares = 0;
  for (let i = 0; i < dense.length; i++) {
    dense[i] -= mean[i % D];
    squares += (dense[i] * dense[i]) / N;
  }
  const scale = squares === 0 ? 1 : 1 / Math.sqrt(squares);
  for (let i = 0; i < dense.length; i++) dense[i] *= scale;
  return {
    features: { ...features, dense },
    undo: (weights) => {
      const scaled = weights.dense.map((w) => Math.fround(w * scale));
      const bias = weights.bias.map((b, k) => {
        const shift = mean.reduce((sum, m, j) => sum + m * scaled[k * D + j], 0);
        return Math.fround(b - shift);
      });
      return { dense: scaled, sparse: weights.sparse.map(Math.fround), bias };
    },
  };
}
