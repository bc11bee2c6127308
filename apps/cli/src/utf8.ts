import { isUtf8 } from "node:buffer";

/** The same bytes, cut between characters, or an error that names the first byte that is not UTF-8, and its line. */
export async function* checkedUtf8(
  bytes: AsyncIterable<Uint8Array | string>,
  error: (problem: string, line: number) => Error,
): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0); // of a character whose end has not come
  let offset = 0;
  let line = 1;
  const refuse = (chunk: Uint8Array, at: number): never => {
    line += newlines(chunk.subarray(0, at));
    const first = chunk[at].toString(16).padStart(2, "0");
    const utf16 = offset === 0 && at === 0 && (first === "ff" || first === "fe") ? " (it looks like UTF-16)" : "";
    throw error(
      `byte ${offset + at + 1}, 0x${first}, is not UTF-8${utf16}; convert it first, for example with iconv`,
      line,
    );
  };
  for await (const piece of bytes) {
    const next = typeof piece === "string" ? Buffer.from(piece) : piece;
    const chunk = rest.length === 0 ? next : Buffer.concat([rest, next]);
    const end = chunk.length - begun(chunk);
    const whole = chunk.subarray(0, end);
    if (!isUtf8(whole)) refuse(whole, firstWrong(whole));
    rest = chunk.subarray(end);
    offset += end;
    line += newlines(whole);
    if (end > 0) yield whole;
  }
  if (rest.length > 0) refuse(rest, 0);
}

function newlines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++;
  return count;
}

/** How many bytes at the end may be the beginning of a character. */
function begun(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte >= 0xc0) return back < lengthOf(byte) ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

/** Where the first byte stands that begins no character: whatever stands before it is UTF-8. */
function firstWrong(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const next = Math.min(at + lengthOf(bytes[at]), bytes.length);
    if (!isUtf8(bytes.subarray(at, next))) return at;
    at = next;
  }
  return at;
}
