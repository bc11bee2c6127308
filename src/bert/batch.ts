import type { Batch, EncodingIds } from "../base/batch.ts";
import { fail } from "../base/errors.ts";
import type { BertConfig } from "./config.ts";

/** Lays sentences end to end and numbers their positions. Ids outside the tables are an error here, so the kernels need not look. */
export function layOut(encodings: readonly EncodingIds[], config: BertConfig): Batch {
  const starts = new Int32Array(encodings.length + 1);
  for (let n = 0; n < encodings.length; n++) starts[n + 1] = starts[n] + encodings[n].ids.length;
  const T = starts[encodings.length];
  const ids = new Int32Array(T);
  const typeIds = new Int32Array(T);
  const positions = new Int32Array(T);
  for (let n = 0; n < encodings.length; n++) {
    const encoding = encodings[n];
    const L = encoding.ids.length;
    if (L > config.longestText) {
      const problem = `a text of ${L} tokens, but the model has positions for ${config.longestText}; set maxLength`;
      fail(undefined, "max_position_embeddings", problem, config.positions);
    }
    ids.set(encoding.ids, starts[n]);
    typeIds.set(encoding.typeIds, starts[n]);
    numberPositions(positions.subarray(starts[n]), encoding.ids, config.paddingPosition);
  }
  checkIds(ids, config.vocabularySize, "token id", "the model's vocab_size");
  // A model with one token type (RoBERTa) has only row 0: the second text of a pair shares it, as in the reference.
  if (config.types === 1) typeIds.fill(0);
  checkIds(typeIds, config.types, "type id", "the model's type_vocab_size");
  return { ids, positions, typeIds, starts };
}

/**
 * BERT: 0, 1, 2, …. RoBERTa: the padding id + 1, + 2, …, where a padding token takes the padding id and does not advance the count
 * (transformers, `create_position_ids_from_input_ids`).
 */
function numberPositions(to: Int32Array, ids: Int32Array, padding: number | undefined): void {
  let count = 0;
  for (let t = 0; t < ids.length; t++) {
    if (padding === undefined) to[t] = t;
    else to[t] = ids[t] === padding ? padding : padding + ++count;
  }
}

function checkIds(ids: Int32Array, rows: number, what: string, limit: string): void {
  for (let t = 0; t < ids.length; t++) {
    if (ids[t] < 0 || ids[t] >= rows) {
      const problem = `${what} ${ids[t]} is beyond ${limit}, ${rows}: tokenizer and weights do not belong together`;
      fail(undefined, what, problem, ids[t]);
    }
  }
}

/** The places of every text, by its first: a text that is there more than once is computed once. */
export function placesOf(texts: readonly unknown[]): number[][] {
  const places = new Map<unknown, number[]>();
  for (const [n, text] of texts.entries()) {
    const known = places.get(text);
    if (known === undefined) places.set(text, [n]);
    else known.push(n);
  }
  return [...places.values()];
}

/**
 * Groups texts into batches of at most `budget` tokens, longest first, so that progress speeds up and never stalls at the end; a text
 * longer than the budget is a batch of its own. Returns indices into `lengths`.
 *
 * The order serves memory locality only: a sentence's vector has the same bits whatever stands beside it.
 */
export function intoBatches(lengths: readonly number[], budget: number): number[][] {
  const order = lengths.map((_, i) => i).sort((a, b) => lengths[b] - lengths[a] || a - b);
  const batches: number[][] = [];
  let batch: number[] = [];
  let room = -1;
  for (const i of order) {
    if (lengths[i] > room) {
      batch = [];
      batches.push(batch);
      room = budget;
    }
    batch.push(i);
    room -= lengths[i];
  }
  return batches;
}
