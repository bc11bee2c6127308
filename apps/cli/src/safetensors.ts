import type { Identity, Precision } from "munjang";

const DTYPES: Readonly<Record<Precision, string>> = {
  float32: "F32",
  int8: "I8",
  uint8: "U8",
  binary: "I8",
  ubinary: "U8",
};

/** The tensor's name. */
export const TENSOR = "embeddings";

/** Room for two more numbers of 16 digits, so that the largest shape fits a header written before it is known. */
const ROOM = 48;

/**
 * The head of a safetensors file that holds one tensor, `embeddings` [N, D], and in its metadata what must be equal for vectors to be
 * comparable. Its length does not depend on N: blanks at its end, which the format allows, make up for digits.
 */
export function safetensorsHeader(N: number, D: number, precision: Precision, identity: Identity): Uint8Array {
  const text = (rows: number): string => {
    const end = rows * D * (precision === "float32" ? 4 : 1);
    const tensor = { dtype: DTYPES[precision], shape: [rows, D], data_offsets: [0, end] };
    return JSON.stringify({ __metadata__: { "munjang.identity": JSON.stringify(identity) }, [TENSOR]: tensor });
  };
  const utf8 = (rows: number): Uint8Array => new TextEncoder().encode(text(rows));
  const length = Math.ceil((utf8(0).length + ROOM) / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(utf8(N), 8);
  return bytes;
}
