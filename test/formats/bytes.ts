// Sources and files for the tests of formats.

/** A source that counts what is read from it. */
export interface CountingSource {
  readonly byteLength: number;
  slice(start: number, end: number): Promise<ArrayBuffer>;
  /** Every read so far, [start, end). */
  readonly reads: [number, number][];
}

export function counting(bytes: ArrayBuffer, byteLength: number = bytes.byteLength): CountingSource {
  const reads: [number, number][] = [];
  return {
    byteLength,
    reads,
    async slice(start, end) {
      reads.push([start, end]);
      return bytes.slice(start, end);
    },
  };
}

/** Bytes of a safetensors file with this header and data; `length` states another length than the header has. */
export function fileOf(
  header: string | Uint8Array | object,
  data: number | Uint8Array = 0,
  length?: bigint,
): ArrayBuffer {
  const json = header instanceof Uint8Array || typeof header === "string" ? header : JSON.stringify(header);
  const head = typeof json === "string" ? new TextEncoder().encode(json) : json;
  const body = typeof data === "number" ? new Uint8Array(data) : data;
  const bytes = new Uint8Array(8 + head.length + body.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(head.length), true);
  bytes.set(head, 8);
  bytes.set(body, 8 + head.length);
  return bytes.buffer;
}

/** Numbers in [0, 1) that are the same on every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
