/** Bytes of the header: the largest shape fits, so that the number of rows can be written in once it is known. */
const LENGTH = 128;

/** The header of a `.npy` file, format 1.0, of float32 [N, D], row by row, the least significant byte first. */
export function npyHeader(N: number, D: number): Uint8Array {
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${N}, ${D}), }`;
  const bytes = new Uint8Array(LENGTH).fill(0x20);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]); // \x93NUMPY, version 1.0
  new DataView(bytes.buffer).setUint16(8, LENGTH - 10, true);
  bytes.set(new TextEncoder().encode(dictionary), 10);
  bytes[LENGTH - 1] = 0x0a;
  return bytes;
}
