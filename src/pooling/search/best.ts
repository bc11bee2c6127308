/**
 * The best of what is offered, at most `scores.length`: a heap with the worst on top. Of equal scores the worse is the one with the larger
 * id, or with the smaller one where `dropsSmaller`.
 */
export interface Best {
  readonly scores: Float64Array;
  /** Whole numbers up to 2^53. */
  readonly ids: Float64Array;
  readonly dropsSmaller: boolean;
  size: number;
}

export function createBest(capacity: number, dropsSmaller = false): Best {
  return { scores: new Float64Array(capacity), ids: new Float64Array(capacity), dropsSmaller, size: 0 };
}

/** Keeps one more, and drops the worst if there are too many; answers with the id dropped, which may be the same, or -1. */
export function offer(best: Best, score: number, id: number): number {
  const { scores, ids } = best;
  if (best.size < scores.length) {
    let at = best.size++;
    for (; at > 0; at = (at - 1) >> 1) {
      const parent = (at - 1) >> 1;
      if (!worse(best, score, id, parent)) break;
      scores[at] = scores[parent];
      ids[at] = ids[parent];
    }
    scores[at] = score;
    ids[at] = id;
    return -1;
  }
  if (best.size === 0 || worse(best, score, id, 0)) return id;
  const dropped = ids[0];
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= best.size) break;
    if (child + 1 < best.size && worse(best, scores[child + 1], ids[child + 1], child)) child++;
    if (worse(best, score, id, child)) break;
    scores[at] = scores[child];
    ids[at] = ids[child];
    at = child;
  }
  scores[at] = score;
  ids[at] = id;
  return dropped;
}

function worse({ scores, ids, dropsSmaller }: Best, score: number, id: number, than: number): boolean {
  if (score !== scores[than]) return score < scores[than];
  return dropsSmaller ? id < ids[than] : id > ids[than];
}

/** The best first; of equal scores the smaller id. */
export function ranked({ scores, ids, size }: Best): { readonly id: number; readonly score: number }[] {
  const all = Array.from({ length: size }, (_, i) => ({ id: ids[i], score: scores[i] }));
  return all.sort((a, b) => b.score - a.score || a.id - b.id);
}
