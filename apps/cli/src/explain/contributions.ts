import type { Encoding, SentenceTransformer, TextFeatures } from "munjang";

/*
 * A vector that is a weighted sum of token vectors, as the mean is, makes a dot product a sum over pairs of tokens:
 * a · b = Σt Σu (wt xt) · (wu yu). So every token, and every word, has a part in it, and the parts add up.
 */

/** A word of a text: its tokens, from the one that begins it to the last that continues it. */
export interface Word {
  readonly text: string;
  readonly first: number;
  /** The token behind its last. */
  readonly end: number;
}

export interface Side {
  readonly text: string;
  readonly tokens: readonly string[];
  readonly words: readonly Word[];
}

export interface Contributions {
  readonly a: Side;
  readonly b: Side;
  /** By the function the model names. */
  readonly similarity: number;
  readonly similarityFunction: string;
  readonly dot: number;
  /** The dot product divided by `lengths`. */
  readonly cosine: number;
  /** The product of both vectors' lengths. */
  readonly lengths: number;
  /** What token t of a and token u of b add to the dot product: [T, U]. */
  readonly pairs: Float64Array;
}

/** @throws Error where the model's vectors are no sum over tokens. */
export async function compare(model: SentenceTransformer, texts: readonly [string, string]): Promise<Contributions> {
  const features = await model.encode(texts as readonly string[], { outputValue: "all" });
  const { pooling, normalize, prompt, dimension: D } = model.identity;
  const [x, y] = features.map((feature) => summands(feature, pooling, normalize));
  const [T, U] = [x.length / D, y.length / D];
  const pairs = new Float64Array(T * U);
  for (let t = 0; t < T; t++) {
    for (let u = 0; u < U; u++) {
      for (let d = 0; d < D; d++) pairs[t * U + u] += x[t * D + d] * y[u * D + d];
    }
  }
  const [a, b] = features.map(({ sentenceEmbedding }) => sentenceEmbedding);
  const dot = product(a, b);
  const lengths = Math.sqrt(product(a, a) * product(b, b));
  const [one, other] = texts.map((text, n) => sideOf(prompt + text, features[n].encoding as Encoding));
  return {
    a: one,
    b: other,
    similarity: model.similarityPairwise(a, b)[0],
    similarityFunction: model.similarityFunction,
    dot,
    cosine: dot / lengths,
    lengths,
    pairs,
  };
}

/** What each token adds to the vector: [T, D]. Their sum is compared with the vector that the model gave. */
function summands(
  { sentenceEmbedding, tokenEmbeddings }: TextFeatures,
  pooling: string,
  normalize: boolean,
): Float64Array {
  const [T, W] = tokenEmbeddings.shape;
  const D = sentenceEmbedding.length;
  const weights = weightsOf(pooling, T);
  if (weights === undefined || D > W) throw noSum(pooling);
  const whole = new Float64Array(W);
  for (let i = 0; i < T * W; i++) whole[i % W] += weights[Math.floor(i / W)] * tokenEmbeddings.data[i];
  const scale = normalize ? 1 / Math.max(Math.sqrt(product(whole, whole)), 1e-12) : 1;
  const parts = Float64Array.from({ length: T * D }, (_, i) => {
    const t = Math.floor(i / D);
    return scale * weights[t] * tokenEmbeddings.data[t * W + (i % D)];
  });
  const length = Math.sqrt(product(sentenceEmbedding, sentenceEmbedding));
  for (let d = 0; d < D; d++) {
    // Rounded to float32 once, or twice where it is normalised.
    if (!(Math.abs(scale * whole[d] - sentenceEmbedding[d]) <= 1e-6 * length)) throw noSum(pooling);
  }
  return parts;
}

/** What a token counts in the sum, by the kind of pooling; undefined where it is no sum. */
function weightsOf(pooling: string, T: number): number[] | undefined {
  const each = (weight: (t: number) => number): number[] => Array.from({ length: T }, (_, t) => weight(t));
  switch (pooling) {
    case "mean":
      return each(() => 1 / T);
    case "mean_sqrt_len_tokens":
      return each(() => 1 / Math.sqrt(T));
    case "weightedmean":
      return each((t) => (2 * (t + 1)) / (T * (T + 1)));
    case "cls":
      return each((t) => Number(t === 0));
    case "lasttoken":
      return each((t) => Number(t === T - 1));
    default:
      return undefined;
  }
}

function noSum(pooling: string): Error {
  return new Error(
    `the vectors of this model are no sum over its tokens (pooling ${pooling}, or modules behind it, or a prompt that is left out), so no token has a part of a similarity`,
  );
}

function sideOf(text: string, { tokens, offsets }: Encoding): Side {
  const words: Word[] = [];
  for (const [t, [start, end]] of offsets.entries()) {
    const last = words.at(-1);
    const [from, before] = last === undefined ? [0, 0] : [offsets[last.first][0], offsets[last.end - 1][1]];
    // A piece that goes on where another ended; special tokens stand at [0, 0].
    if (last !== undefined && tokens[t].startsWith("##") && start === before) {
      words[words.length - 1] = { text: text.slice(from, end), first: last.first, end: t + 1 };
    } else words.push({ text: end > start ? text.slice(start, end) : tokens[t], first: t, end: t + 1 });
  }
  return { text, tokens, words };
}

/** What word i of a and word j of b add: [words of a, words of b]. */
export function wordPairs({ a, b, pairs }: Contributions): number[][] {
  const U = b.tokens.length;
  return a.words.map((one) =>
    b.words.map((other) => {
      let sum = 0;
      for (let t = one.first; t < one.end; t++) {
        for (let u = other.first; u < other.end; u++) sum += pairs[t * U + u];
      }
      return sum;
    }),
  );
}

function product(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
