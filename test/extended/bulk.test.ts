import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { killAgainAndAgain } from "../../apps/cli/test/kill.ts";

/* Bulk runs killed at 20 random moments, in every form of output and as a shard; `npm test` does it for Parquet. */

const root = join(import.meta.dirname, "../..");
const main = join(root, "apps/cli/bin/munjang.js");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "munjang-bulk-"));
  const cell = (i: number): string => `"${i}번 ""문장""${"\n 줄".repeat(i % 5)}"`;
  writeFileSync(join(folder, "in.csv"), `text\n${Array.from({ length: 20_000 }, (_, i) => `${cell(i)}\n`).join("")}`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each([
  ...["jsonl", "json", "csv", "npy", "safetensors", "parquet"].map((form) => [form, []] as const),
  ["npy", ["--shard", "2/3"]] as const,
])("%s %s: the bytes of an undisturbed run", async (form, shard) => {
  const name = (stem: string): string => join(folder, `${stem}${shard.length > 0 ? "-00002-of-00003" : ""}.${form}`);
  const args = (stem: string): string[] => [
    ...[main, "embed", "-f", join(folder, "in.csv"), "-m", join(root, "test/golden/models/plain"), "--threads", "0"],
    ...["--checkpoint-every", "256", "-o", join(folder, `${stem}.${form}`), ...shard],
  ];
  execFileSync(process.execPath, args("whole"), { stdio: "ignore" });
  const expected = readFileSync(name("whole"));
  const command = [process.execPath, ...args("killed"), "--resume"];
  const killed = await killAgainAndAgain(command, name("killed"), { kills: 20, bytes: expected.length, seed: 3 });
  expect(killed.early + killed.later).toBe(20);
  expect(readFileSync(name("killed")).equals(expected)).toBe(true);
});
