/** Compares every element with a bound of its own; throws with the cell that exceeds its bound most, or is no number. */
export function compareWithin(ours: ArrayLike<number>, exact: ArrayLike<number>, bound: (i: number) => number): void {
  if (ours.length !== exact.length || exact.length === 0)
    throw new Error(`${ours.length} numbers, not ${exact.length}`);
  let worst = { i: -1, times: 0 };
  for (let i = 0; i < exact.length; i++) {
    const allowed = bound(i);
    if (!(allowed > 0)) throw new Error(`a bound of ${allowed} at ${i} compares nothing`);
    const times = Math.abs(ours[i] - exact[i]) / allowed;
    if (!(times <= worst.times)) worst = { i, times: Number.isNaN(times) ? Number.POSITIVE_INFINITY : times };
  }
  if (worst.times > 1) {
    const { i, times } = worst;
    throw new Error(`${ours[i]} is not ${exact[i]} at ${i}: ${times.toPrecision(3)} times its bound, ${bound(i)}`);
  }
}
