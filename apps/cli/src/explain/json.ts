import { headOf } from "./attention.ts";
import { type Contributions, wordPairs } from "./contributions.ts";
import { type Asked, chosen } from "./maps.ts";
import type { Walk } from "./stages.ts";

/** Numbers of a stage that are printed. */
const FIRST = 8;

export function walkAsJson(walk: Walk, asked: Asked): string {
  const { text, encoding, pooling, backend, vector, heads, layers } = walk;
  const attention = chosen(asked.layer, layers).flatMap((layer) => {
    const made = walk.attention(layer);
    return chosen(asked.head, heads).map((head) => ({
      layer,
      head,
      weights: rowsOf(headOf(made, head), made.tokens).map(rounded),
      /** Of the whole layer. */
      off: Number(made.off.toPrecision(3)),
    }));
  });
  return `${JSON.stringify({
    text,
    backend,
    tokens: encoding.tokens.map((token, t) => ({ id: encoding.ids[t], token, place: encoding.offsets[t] })),
    stages: stagesOf(walk, asked).map(({ name, shape, ms, values }) => ({
      name,
      shape,
      ms: Number(ms.toPrecision(3)),
      first: rounded(values.subarray(0, FIRST)),
    })),
    attention,
    pooling,
    vector: rounded(vector),
  })}\n`;
}

/** All stages, or those of a layer. */
export function stagesOf({ stages }: Walk, { layer }: Asked): Walk["stages"] {
  return layer === undefined ? stages : stages.filter(({ name }) => name.startsWith(`layer ${layer} `));
}

export function pairAsJson(contributions: Contributions): string {
  const { a, b, pairs, similarity, similarityFunction, dot, cosine } = contributions;
  const side = ({ text, tokens, words }: Contributions["a"]): object => ({
    text,
    tokens,
    words: words.map(({ text, first, end }) => ({ text, tokens: [first, end] })),
  });
  const tokens = rowsOf(pairs, b.tokens.length).map(rounded);
  const words = wordPairs(contributions).map(rounded);
  return `${JSON.stringify({ a: side(a), b: side(b), similarityFunction, similarity, dot, cosine, contributions: { tokens, words } })}\n`;
}

function rowsOf(values: Float64Array, width: number): Float64Array[] {
  return Array.from({ length: values.length / width }, (_, n) => values.subarray(n * width, (n + 1) * width));
}

/** As many digits as float32 has. */
function rounded(values: ArrayLike<number>): number[] {
  return Array.from(values, (x) => Number(x.toPrecision(9)));
}
