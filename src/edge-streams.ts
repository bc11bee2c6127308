import type { Part } from "./edge-files.ts";

/* Parts of files out of streams that begin at the first byte, with as little memory as possible. */

/** Takes parts out of a stream whose first byte is the file's byte `at`. Where the file's size is not known its end may come before theirs. */
export async function take(
  stream: Pieces,
  at: number,
  parts: readonly Part[],
  size: number = Number.POSITIVE_INFINITY,
): Promise<{ parts: ArrayBuffer[]; passed: number; ended: boolean }> {
  const wanted = parts.map(([from, to]) => ({ from, bytes: new Uint8Array(Math.max(0, Math.min(to, size) - from)) }));
  const end = Math.max(...wanted.map(({ from, bytes }) => from + bytes.length));
  const begin = at;
  while (at < end) {
    const piece = await stream.read();
    if (piece === undefined) break;
    for (const { from, bytes } of wanted) {
      const [first, last] = [Math.max(from, at), Math.min(from + bytes.length, at + piece.length)];
      if (first < last) bytes.set(piece.subarray(first - at, last - at), first - from);
    }
    at += piece.length;
  }
  const ended = at < end;
  if (ended && size < Number.POSITIVE_INFINITY) throw new Error(`${at - begin} bytes came of ${end - begin}`);
  const whole = ({ from, bytes }: (typeof wanted)[number]): ArrayBuffer =>
    ended ? bytes.buffer.slice(0, Math.max(0, at - from)) : bytes.buffer;
  return { parts: wanted.map(whole), passed: at - begin, ended };
}

/** Bytes that are left in a stream. */
export async function rest(stream: Pieces): Promise<number> {
  let bytes = 0;
  for (;;) {
    const piece = await stream.read();
    if (piece === undefined) return bytes;
    bytes += piece.length;
  }
}

/** The length of a file of safetensors, by the header it begins with; undefined where it is none, or has a longer header than that. */
export function sizeByHeader(head: ArrayBuffer): number | undefined {
  const length = Number(new DataView(head).getBigUint64(0, true));
  if (!(8 + length <= head.byteLength)) return undefined;
  try {
    const header: Record<string, { data_offsets?: [number, number] }> = JSON.parse(
      new TextDecoder().decode(new Uint8Array(head, 8, length)),
    );
    const ends = Object.values(header).map(({ data_offsets }) => data_offsets?.[1] ?? 0);
    const size = 8 + length + ends.reduce((a, b) => Math.max(a, b), 0);
    return Number.isSafeInteger(size) ? size : undefined; // whether it is true is seen when its end is read
  } catch {
    return undefined;
  }
}

/** workerd's can wait until so many bytes are there. */
interface ByobReader {
  read(view: Uint8Array<ArrayBuffer>): Promise<{ value: Uint8Array<ArrayBuffer> | undefined }>;
  readAtLeast?(least: number, view: Uint8Array<ArrayBuffer>): Promise<{ value: Uint8Array<ArrayBuffer> | undefined }>;
  cancel(): Promise<void>;
}

/** A stream piece by piece; each is good until the next is asked for. */
export interface Pieces {
  read(): Promise<Uint8Array | undefined>;
  cancel(): Promise<void>;
}

export function pieces(body: ReadableStream<Uint8Array> | null): Pieces {
  if (body === null) return { read: async () => undefined, cancel: async () => {} };
  try {
    // All through one piece of memory, as full as it gets: what passes by would stay resident until it is collected, in heap and buffers.
    const reader: ByobReader = body.getReader({ mode: "byob" });
    let memory = new ArrayBuffer(65_536);
    return {
      async read() {
        const view = new Uint8Array(memory);
        const { value } = await (reader.readAtLeast?.(memory.byteLength, view) ?? reader.read(view));
        if (value !== undefined) memory = value.buffer;
        return value?.length === 0 ? undefined : value;
      },
      cancel: () => reader.cancel(),
    };
  } catch {
    const reader = body.getReader(); // a stream that makes its own
    return { read: async () => (await reader.read()).value, cancel: () => reader.cancel() };
  }
}
