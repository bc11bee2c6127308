// Lines of streams that are cut anywhere.
import { expect, test } from "vitest";
import { linesOf } from "../src/lines.ts";

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
async function all(stream: AsyncIterable<Uint8Array | string>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(stream, "x.txt")) lines.push(line);
  return lines;
}

const text = "\ufeff하나\r\n\n둘 셋\n\r\n긴 줄입니다".normalize("NFC");
const expected = ["하나", "", "둘 셋", "", "긴 줄입니다"];

test("are the same wherever the stream is cut, with a last line that has no end, or one", async () => {
  for (const end of ["", "\n", "\r\n"]) {
    const bytes = Buffer.from(text + end);
    for (let size = 1; size <= bytes.length; size++)
      expect(await all(pieces(bytes, size)), `${size}`).toEqual(expected);
  }
});

test("that never end are refused, and named", async () => {
  const piece = Buffer.alloc(1 << 22, "가나다"); // 4 MB; letters may be cut
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("첫 줄\n");
    for (;;) yield piece.subarray(0, piece.length - (piece.length % 9));
  }
  await expect(all(endless())).rejects.toThrow("line 2 of x.txt is longer than 64 million letters: is it text?");
});

test("that are not UTF-8 are named by their number", async () => {
  await expect(all(pieces(Buffer.from([0x61, 0x0a, 0x62, 0x0a, 0xff, 0x0a]), 100))).rejects.toThrow("line 3 of x.txt");
});
