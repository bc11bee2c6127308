// `munjang index` killed at any moment and run again: nothing lost, nothing twice.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openEmbedded } from "../../src/search/embedded.ts";
import { environment, folder, main, munjang } from "../run.ts";
import { contentOfFolder } from "./dump.ts";

const KILLS = 20;

/** Numbers from 0 up to 1, the same every time (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** When a run is killed: so many milliseconds after its start, or after so many files are done. */
type Moment = { readonly after: number } | { readonly files: number };

/** Does what the command does, and prints a dot for every file that is done. */
const TELLING = `
import { SentenceTransformer } from "munjang";
import { index } from "munjang-cli/search";
const model = await SentenceTransformer.load("munjang-mini-ko", { threads: 0 });
const options = { database: "killed.index", modelName: "munjang-mini-ko", chunkTokens: 32 };
await index(model, ["killed"], { ...options, onFile: () => process.stdout.write(".") });
await model.dispose();`;

/** Runs the command and kills it at that moment; whether it was still at work by then. */
function killed(args: readonly string[], moment: Moment): Promise<boolean> {
  const telling = "files" in moment;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, telling ? [join(folder, "telling.mjs")] : [main, ...args], {
      ...{ cwd: folder, env: environment(), stdio: ["ignore", "pipe", "ignore"] },
    });
    const kill = (): boolean => child.kill("SIGKILL");
    const timer = telling ? undefined : setTimeout(kill, moment.after);
    let files = 0;
    child.stdout?.on("data", (dots: Buffer) => {
      files += dots.length;
      if (telling && files >= moment.files) kill();
    });
    child.on("error", reject);
    child.on("close", (_, signal) => {
      clearTimeout(timer);
      resolve(signal === "SIGKILL");
    });
  });
}

test("killed at 20 random moments, then run to its end: the same index as one that nobody disturbed", async () => {
  const next = random(20_260_101);
  const files = new Map<string, string>();
  let version = 0;
  /** Some files change, some go, some come; every chunk says which version of its file it is of. */
  const edit = (): void => {
    version++;
    for (let i = 0; i < 40; i++) {
      const name = `killed/${i % 4}/${i}.${i % 3 === 0 ? "jsonl" : "txt"}`;
      const dice = next();
      if (version > 1 && dice < 0.4) continue;
      if (dice > 0.95) {
        files.delete(name);
        rmSync(join(folder, name), { force: true });
        continue;
      }
      const lines = Array.from(
        { length: 5 + Math.floor(next() * 40) },
        (_, n) => `${n}번째 문장의 판은 v${version}입니다.`,
      );
      const content = lines
        .map((text, n) => (i % 3 === 0 ? `${JSON.stringify({ text, n })}\n` : `${text}\n\n`))
        .join("");
      mkdirSync(join(folder, name, ".."), { recursive: true });
      writeFileSync(join(folder, name), content);
      files.set(name, content);
    }
  };
  const index = (place: string): string[] => ["index", "killed", "-d", place, "--threads", "0", "--chunk-tokens", "32"];

  edit();
  const start = Date.now();
  expect(await munjang(index("undisturbed.index"))).toMatchObject({ code: 0, err: "" });
  let longest = Date.now() - start; // moments are drawn from so long
  rmSync(join(folder, "undisturbed.index"), { recursive: true });

  writeFileSync(join(folder, "telling.mjs"), TELLING);
  symlinkSync(join(main, "../../../../node_modules"), join(folder, "node_modules"));
  const seen = { nothing: 0, some: 0 };
  for (let kills = 0; kills < KILLS; ) {
    // Every other one by the clock, from its very start on; and one by what it has done, however long that takes.
    const moment: Moment =
      kills % 2 === 0
        ? { after: Math.floor(longest * (0.05 + 0.95 * next())) }
        : { files: 1 + Math.floor(next() * files.size) };
    if (!(await killed(index("killed.index"), moment))) {
      if ("after" in moment) longest = Math.max(200, longest * 0.8); // it was faster this time
      edit(); // something new to do
      continue;
    }
    kills++;
    // What it left is looked at in a copy: the next run itself has to come to terms with it.
    if (existsSync(join(folder, "killed.index/database"))) {
      cpSync(join(folder, "killed.index"), join(folder, "copy.index"), { recursive: true });
      rmSync(join(folder, "copy.index/lock"), { force: true });
      const database = await openEmbedded(join(folder, "copy.index"), "test", false);
      const [{ there }] = await database.query<{ there: boolean }>(
        "SELECT to_regclass('munjang.files') IS NOT NULL AS there",
      );
      if (there) {
        const mixed = await database.query(
          `SELECT path FROM munjang.files f LEFT JOIN munjang.chunks c ON c.file = f.id GROUP BY f.id, path
           HAVING count(DISTINCT substring(text FROM 'v\\d+')) <> 1 OR count(*) <> max(place) + 1`,
        );
        expect(mixed, `files that are half of one version after kill ${kills}`).toEqual([]);
        const [{ count }] = await database.query<{ count: number }>("SELECT count(*)::int FROM munjang.files");
        seen[count > 0 ? "some" : "nothing"]++;
      } else seen.nothing++;
      await database.close();
      rmSync(join(folder, "copy.index"), { recursive: true });
    } else seen.nothing++;
    if (next() < 0.5) edit();
    if (kills === 4) rmSync(join(folder, "killed.index"), { recursive: true, force: true }); // its first moments once more
  }
  expect(seen.some).toBeGreaterThanOrEqual(KILLS / 2);

  expect(await munjang(index("killed.index"))).toMatchObject({ code: 0, err: "" });
  expect(await munjang(index("undisturbed.index"))).toMatchObject({ code: 0, err: "" });
  const content = await contentOfFolder(join(folder, "killed.index"));
  expect(content.files).toHaveLength(files.size);
  expect(content).toEqual(await contentOfFolder(join(folder, "undisturbed.index")));
}, 600_000);
