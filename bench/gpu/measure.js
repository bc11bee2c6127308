/* Taking turns. Runs wherever a backend runs: in pages, Node and Deno. */

/**
 * Times contenders, which have run before, in turns. `run(n)` does the work n times and waits until it is done; `flop` is what it is once.
 * A round's figures are compared with each other only, those of `base` with all: machines are shared and their clocks wander.
 */
export async function interleaved(contenders, { base, rounds, milliseconds = 200, most = 32, patience = 20_000 }) {
  const all = [];
  for (const contender of contenders) {
    const once = contender.once ?? (await timed(() => contender.run(1)));
    const n = Math.max(1, Math.min(most, Math.floor(milliseconds / once)));
    // Who takes seconds is asked less often.
    all.push({
      ...contender,
      n,
      rounds: Math.max(Math.min(3, rounds), Math.min(rounds, Math.floor(patience / once))),
      took: [],
    });
  }
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < all.length; i++) {
      const one = all[(i + round) % all.length];
      if (round >= one.rounds) continue;
      let [calls, passed] = [0, 0];
      do {
        passed += await timed(() => one.run(one.n));
        calls += one.n;
      } while (passed < milliseconds);
      one.took.push(passed / calls);
    }
  }
  const rateOf = (one, round) => (one.flop ?? 1) / one.took[round];
  const against = (one, other) => {
    const rounds = Math.min(one.rounds, other.rounds);
    return spread(Array.from({ length: rounds }, (_, round) => rateOf(one, round) / rateOf(other, round)));
  };
  const peak = all.find(({ name }) => name === PEAK);
  const first = all.find(({ name }) => name === base);
  return all.map((one) => ({
    name: one.name,
    milliseconds: spread(one.took),
    ...(one.flop && { gflops: spread(one.took.map((_, round) => rateOf(one, round) / 1e6)) }),
    ...(one.name !== PEAK && first && { ratio: against(one, first) }),
    ...(one.name !== PEAK && peak && { ofPeak: against(one, peak) }),
    rounds: one.rounds,
    inARow: one.n,
  }));
}

/** The name of the contender that the others' part of the peak is measured by. */
export const PEAK = "peak: registers only";

export async function timed(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const round = (x) => Number(x.toPrecision(4));
  return { min: round(sorted[0]), median: round(sorted[sorted.length >> 1]), max: round(sorted[sorted.length - 1]) };
}

/** Numbers in -1 … 1, the same ones every time. */
export function numbers(seed) {
  let state = seed | 0;
  return (length, size = 1) => {
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      values[i] = (state / 2147483648) * size;
    }
    return values;
  };
}
