/** A file that says the same as before stays as it was, so that what git shows is what another model changes, not another machine or day. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { gunzipSync } from "node:zlib";
import { type Golden, parseGolden } from "../../test/golden/read.ts";

/** What `machine()` of bench/measure.ts says of where and when a result was made. */
const OF_THE_MACHINE = ["date", "cpu", "cores", "node", "v8", "platform"];
/** Exact numbers are kept to 36 bits of mantissa (reference/golden/pack.py): two machines' may lie a step apart. */
const STEP = 2 ** -34;

/** Whether two files say the same. */
export type Same = (before: Uint8Array, after: Uint8Array) => boolean;

/** A result of bench/results, wherever and whenever it was made. */
export const sameResult: Same = (before, after) => isDeepStrictEqual(found(before), found(after));

function found(bytes: Uint8Array): unknown {
  const all = Object.entries(JSON.parse(new TextDecoder().decode(bytes)) as object);
  return Object.fromEntries(all.filter(([name]) => !OF_THE_MACHINE.includes(name)));
}

/** Goldens of one model and the same texts. The library's own float32 numbers may differ: processors sum in their own order. */
export const sameGolden: Same = (before, after) => {
  const [a, b] = [before, after].map((bytes) => parseGolden(gunzipSync(bytes)));
  return isDeepStrictEqual(words(a), words(b)) && a.texts.every((text, n) => near(text, b.texts[n]));
};

const words = ({ model, sha256, madeWith, texts }: Golden): unknown => [
  [model, sha256, madeWith],
  texts.map(({ text, ids, vector }) => [text, ids, vector.shape]),
];

function near(a: Golden["texts"][number], b: Golden["texts"][number]): boolean {
  return a.vector.exact.every((x, i) => Math.abs(x - b.vector.exact[i]) <= STEP * Math.abs(x));
}

/** Runs `write`; where the file says the same as before, its old bytes come back. */
export async function keeping(file: string, same: Same, write: () => void | Promise<void>): Promise<void> {
  const before = existsSync(file) ? readFileSync(file) : undefined;
  await write();
  if (before !== undefined && same(before, readFileSync(file))) writeFileSync(file, before);
}
