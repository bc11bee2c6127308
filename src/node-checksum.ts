import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

/** Whether a name is one of the hub's two sums: SHA-256 of a large file, git's SHA-1 of a small one. */
export function isChecksum(name: string): boolean {
  return /^(?:[0-9a-f]{64}|[0-9a-f]{40})$/.test(name);
}

/** What a file's checksum is, if it is not `expected`; undefined too where that is no checksum, and nothing can be said. */
export async function checksum(file: string, expected: string): Promise<string | undefined> {
  if (!isChecksum(expected)) return undefined;
  const large = expected.length === 64;
  const hash = createHash(large ? "sha256" : "sha1");
  if (!large) hash.update(`blob ${(await stat(file)).size}\0`); // as git names contents
  for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(piece);
  const sum = hash.digest("hex");
  return sum === expected ? undefined : sum;
}
