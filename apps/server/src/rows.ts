/** The first `D` numbers of a row, divided by their length if asked; the bits of `encode` with `truncateDim` and `normalizeEmbeddings`. */
export function finish(row: Float32Array, D: number, normalize: boolean): Float32Array {
  const short = row.subarray(0, D);
  if (!normalize) return short;
  const length = norm(short);
  return short.map((value) => value / length);
}

/** Cosine of two rows, as the engine computes it. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return Math.fround(sum / (norm(a) * norm(b)));
}

function norm(row: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i] * row[i];
  return Math.max(Math.sqrt(sum), 1e-12);
}

/** Node's, Deno's and Bun's way, where there is one. */
interface Buffer64 {
  toString(to: "base64"): string;
}

/** A row as little-endian float32 in base64. */
export function toBase64(row: Float32Array): string {
  const bytes = new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
  const { Buffer } = globalThis as { Buffer?: { from(bytes: ArrayBufferLike, at: number, length: number): Buffer64 } };
  if (Buffer !== undefined) return Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString("base64");
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
