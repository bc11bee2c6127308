/** A vector as pgvector sends and takes it: how many numbers, nothing, and the numbers, all big-endian. */
export function packed(vector: Float32Array): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 + 4 * vector.length));
  bytes.setUint16(0, vector.length);
  for (const [i, value] of vector.entries()) bytes.setFloat32(4 + 4 * i, value);
  return new Uint8Array(bytes.buffer);
}
