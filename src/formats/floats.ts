/** Stored floats as float32. */
import { fail } from "../base/errors.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "../base/half.ts";
import type { DType, TensorData } from "../base/tensor.ts";

/** Where a tensor comes from, for messages. */
export interface Place {
  readonly file: string;
  readonly field: string;
}

/** Types `toFloat32` reads. */
const FLOAT_TYPES: readonly string[] = ["float32", "float16", "bfloat16", "float64"] satisfies DType[];

/** Widens stored elements [n] to float32 [n]: exact, but for float64, which is rounded to nearest. */
export function toFloat32(data: TensorData, dtype: string, out: Float32Array): Float32Array {
  if (dtype === "float16") return float16ToFloat32(data as Uint16Array, out);
  if (dtype === "bfloat16") return bfloat16ToFloat32(data as Uint16Array, out);
  out.set(data as Float32Array | Float64Array);
  return out;
}

/** Refuses what is not floats that JavaScript can read. */
export function checkFloats(dtype: string, place: Place): void {
  if (FLOAT_TYPES.includes(dtype)) return;
  fail(
    place.file,
    place.field,
    `is ${dtype}, which is not read as float32: store it as one of ${FLOAT_TYPES.join(", ")}; what was converted to int8 needs munjang/int8`,
  );
}
