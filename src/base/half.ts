/**
 * The two 16-bit float formats weights are stored in. JavaScript has arrays for neither on every engine, so their bits live in a
 * `Uint16Array`. Everything here works on bits, so no engine can round it differently.
 *
 *     float32   1 sign   8 exponent (bias 127)   23 fraction
 *     float16   1 sign   5 exponent (bias 15)    10 fraction   IEEE 754 binary16
 *     bfloat16  1 sign   8 exponent (bias 127)    7 fraction   the upper half of a float32
 */

/** Widens float16 bits [n] to float32 [n], exactly; NaN keeps its payload. Writes `out` and returns it. */
export function float16ToFloat32(bits: Uint16Array, out: Float32Array = new Float32Array(bits.length)): Float32Array {
  /** How many times the least positive float16, the step of all subnormal ones, goes into 1: 2^24. */
  const FLOAT16_STEPS = 16777216;
  const wide = new Uint32Array(out.buffer, out.byteOffset, bits.length);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i];
    const exponent = half & 0x7c00;
    if (exponent === 0) {
      const fraction = half & 0x3ff;
      out[i] = (half & 0x8000 ? -fraction : fraction) / FLOAT16_STEPS;
    } else {
      // Move the exponent from bias 15 to bias 127; that of infinity and NaN, all ones, goes from 31 to 255.
      const rebias = exponent === 0x7c00 ? 0x70000000 : 0x38000000;
      wide[i] = ((half & 0x8000) << 16) | (((half & 0x7fff) << 13) + rebias);
    }
  }
  return out;
}

/** Widens bfloat16 bits [n] to float32 [n], exactly; NaN keeps its payload. Writes `out` and returns it. */
export function bfloat16ToFloat32(bits: Uint16Array, out: Float32Array = new Float32Array(bits.length)): Float32Array {
  const wide = new Uint32Array(out.buffer, out.byteOffset, bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i] << 16;
  return out;
}

/**
 * Narrows float32 [n] to float16 bits [n]: to nearest, ties to even; from 65520 up it is infinity, as IEEE 754 rounds. NaN stays NaN
 * and keeps the upper part of its payload. Writes `out` and returns it.
 */
export function float32ToFloat16(values: Float32Array, out: Uint16Array = new Uint16Array(values.length)): Uint16Array {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < wide.length; i++) out[i] = ((wide[i] >>> 16) & 0x8000) | narrowMagnitude(wide[i] & 0x7fffffff);
  return out;
}

/** float16 bits of a float32 without its sign bit. */
function narrowMagnitude(wide: number): number {
  // NaN: a payload whose upper part is zero would read as infinity, so it gets the quiet bit.
  if (wide > 0x7f800000) return 0x7c00 | ((wide >>> 13) & 0x3ff || 0x200);
  if (wide >= 0x47800000) return 0x7c00; // 65536 and above
  if (wide >= 0x38800000) {
    // 2^-14 and above: normal. A carry out of the fraction is right as it stands, up to and including infinity.
    return (wide - 0x38000000 + 0xfff + ((wide >>> 13) & 1)) >>> 13;
  }
  if (wide < 0x33000000) return 0; // below half a step
  const shift = 126 - (wide >>> 23); // 14 … 24: how many bits of the fraction lie below a step of 2^-24
  const fraction = (wide & 0x7fffff) | 0x800000;
  const kept = fraction >>> shift;
  return (fraction + (1 << (shift - 1)) - 1 + (kept & 1)) >>> shift;
}

/**
 * Narrows float32 [n] to bfloat16 bits [n]: to nearest, ties to even. NaN stays NaN and keeps the upper part of its payload. Writes
 * `out` and returns it.
 */
export function float32ToBfloat16(
  values: Float32Array,
  out: Uint16Array = new Uint16Array(values.length),
): Uint16Array {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < wide.length; i++) {
    const bits = wide[i];
    const nan = (bits & 0x7fffffff) > 0x7f800000;
    if (nan) out[i] = (bits >>> 16) | (bits & 0x7f0000 ? 0 : 0x40);
    else out[i] = (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }
  return out;
}
