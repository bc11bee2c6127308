import type { Precision } from "munjang";

/** Bytes of the header: the largest shape fits, so that the number of rows can be written in once it is known. */
const LENGTH = 128;

/** NumPy's names of the element types; the least significant byte first. */
const DTYPES: Readonly<Record<Precision, string>> = {
  float32: "<f4",
  int8: "|i1",
  uint8: "|u1",
  binary: "|i1",
  ubinary: "|u1",
};

/** The header of a `.npy` file, format 1.0, of rows [N, D]. */
export function npyHeader(N: number, D: number, precision: Precision): Uint8Array {
  const dictionary = `{'descr': '${DTYPES[precision]}', 'fortran_order': False, 'shape': (${N}, ${D}), }`;
  const bytes = new Uint8Array(LENGTH).fill(0x20);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]); // \x93NUMPY, version 1.0
  new DataView(bytes.buffer).setUint16(8, LENGTH - 10, true);
  bytes.set(new TextEncoder().encode(dictionary), 10);
  bytes[LENGTH - 1] = 0x0a;
  return bytes;
}
