import { type PoolingMode, pool, type Segment } from "./pool.ts";
import { type DenseLayer, dense, layerNormRows, normalizeRows } from "./rows.ts";

/** The two things modules pass on, by the names they have in module configurations. */
export type Feature = "token_embeddings" | "sentence_embedding";

/** A module of `modules.json` after the Transformer, ready to run. */
export type Module =
  | { readonly kind: "pooling"; readonly modes: readonly PoolingMode[]; readonly includePrompt: boolean }
  | { readonly kind: "dense"; readonly layer: DenseLayer; readonly on: Feature }
  | { readonly kind: "normalize"; readonly on: Feature }
  | { readonly kind: "layerNorm"; readonly gain: Float32Array; readonly shift: Float32Array };

/** Rows of one feature: [rows, width]. */
export interface Rows {
  readonly data: Float32Array;
  readonly width: number;
}

/** What a batch has become: its tokens [T, W] and, once pooled, its sentences [N, D]. */
export interface Features {
  readonly tokens: Rows;
  readonly sentences: Rows | undefined;
}

/** Runs the modules in order over the hidden states [T, H] of the sentences at `segments`. Each sentence stands alone. */
export function applyModules(modules: readonly Module[], hidden: Rows, segments: readonly Segment[]): Features {
  let tokens = hidden;
  let sentences: Rows | undefined;
  for (const module of modules) {
    if (module.kind === "pooling") {
      sentences = poolAll(tokens, segments, module.modes, module.includePrompt);
    } else if (module.kind !== "layerNorm" && module.on === "token_embeddings") {
      tokens = change(tokens, module);
    } else if (sentences !== undefined) {
      sentences = change(sentences, module);
    }
  }
  return { tokens, sentences };
}

/** [rows, in] -> [rows, out] */
function change(rows: Rows, module: Exclude<Module, { kind: "pooling" }>): Rows {
  switch (module.kind) {
    case "dense":
      return { data: dense(rows.data, module.layer), width: module.layer.out };
    case "normalize":
      return { data: normalizeRows(rows.data, rows.width), width: rows.width };
    case "layerNorm":
      return { data: layerNormRows(rows.data, module.gain, module.shift), width: rows.width };
  }
}

/** Several modes stand side by side in a row: [N, modes · W]. */
function poolAll(
  tokens: Rows,
  segments: readonly Segment[],
  modes: readonly PoolingMode[],
  includePrompt: boolean,
): Rows {
  const W = tokens.width;
  const width = modes.length * W;
  const data = new Float32Array(segments.length * width);
  for (const [n, segment] of segments.entries()) {
    const used = includePrompt ? { ...segment, skip: 0 } : segment;
    for (const [m, mode] of modes.entries()) pool(data, n * width + m * W, tokens.data, W, used, mode);
  }
  return { data, width };
}
