import { refuse } from "../../base/door.ts";
import { float32ToFloat16 } from "../../base/half.ts";
import { PANEL, rowsOf } from "./linear.ts";

export interface Part {
  /** The output it begins with. */
  readonly first: number;
  readonly panels: number;
  /** [panels][rows of K][64], zeros behind the ends */
  readonly data: Float32Array | Uint16Array;
}

/** A weight [N, K] in panels of 64 outputs, as many in each part as a shader may see at once. */
export function* panelsOf(
  weight: Float32Array,
  N: number,
  K: number,
  half: boolean,
  binding: number,
): Generator<Part, void> {
  const rows = rowsOf(K);
  const panelBytes = rows * PANEL * (half ? 2 : 4);
  const most = Math.floor(binding / panelBytes);
  if (most === 0)
    refuse("in", `the adapter's buffers have ${binding} bytes at most: too few for layers of so many inputs`, K);
  for (let first = 0; first < N; first += most * PANEL) {
    const outputs = Math.min(N - first, most * PANEL);
    const panels = Math.ceil(outputs / PANEL);
    const data = new Float32Array(panels * rows * PANEL);
    for (let n = 0; n < outputs; n++) {
      const to = Math.floor(n / PANEL) * rows * PANEL + (n % PANEL);
      const from = (first + n) * K;
      for (let k = 0; k < K; k++) data[to + k * PANEL] = weight[from + k];
    }
    yield { first, panels, data: half ? asHalf(data) : data };
  }
}

function asHalf(values: Float32Array): Uint16Array {
  /** Of float16, finite. */
  const LARGEST = 65_504;
  const large = values.find((x) => Math.abs(x) > LARGEST);
  if (large !== undefined) refuse("float16", "cannot hold a weight of this model; leave it out", large);
  return float32ToFloat16(values);
}
