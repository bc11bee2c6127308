import { headOf } from "./attention.ts";
import { type Contributions, wordPairs } from "./contributions.ts";
import type { Walk } from "./stages.ts";
import type { HeatMap } from "./svg.ts";

/** Layers and heads that are asked for. */
export interface Asked {
  readonly layer?: number;
  readonly head?: number;
}

/** Those asked for, or all. */
export function chosen(asked: number | undefined, count: number): number[] {
  return asked === undefined ? Array.from({ length: count }, (_, i) => i) : [asked];
}

/** A map a head, those of a layer in one row. */
export function attentionMaps(walk: Walk, { layer, head }: Asked): { maps: HeatMap[]; across: number } {
  const { tokens } = walk.encoding;
  const heads = chosen(head, walk.heads);
  const maps = chosen(layer, walk.layers).flatMap((layer) => {
    const attention = walk.attention(layer);
    return heads.map((head) => ({
      title: `layer ${layer}, head ${head}`,
      rows: tokens,
      columns: tokens,
      values: headOf(attention, head),
    }));
  });
  return { maps, across: heads.length };
}

export function pairMap(contributions: Contributions): HeatMap {
  const { a, b, cosine, lengths } = contributions;
  const columns = b.words.map(({ text }) => text);
  const values = wordPairs(contributions).flatMap((row) => row.map((part) => part / lengths));
  return {
    title: `what pairs of words add to the cosine, ${cosine.toFixed(4)}`,
    rows: a.words.map(({ text }) => text),
    columns,
    values,
  };
}
