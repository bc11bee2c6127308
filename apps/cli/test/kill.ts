// A bulk run that is killed again and again, at moments that a seed chooses.
import { spawn } from "node:child_process";
import { existsSync, rmSync, statSync, watch } from "node:fs";
import { dirname } from "node:path";

export interface Killed {
  /** Kills before a run had anything to go on with, */
  readonly early: number;
  /** and those of a run that went on where another had been killed. */
  readonly later: number;
  /** Runs that were complete before their moment came; others took their place. */
  readonly missed: number;
}

/** Numbers from 0 to 1, the same for a seed everywhere. */
export function randoms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Runs a command that has --resume and --output as often as it takes, and ends it with SIGKILL `kills` times: when the part file has grown to a
 * size and a little later, both by chance, the sizes being in order from nothing to `bytes`. The last run ends by itself.
 */
export async function killAgainAndAgain(
  command: readonly string[],
  output: string,
  { kills, bytes, seed }: { kills: number; bytes: number; seed: number },
): Promise<Killed> {
  const random = randoms(seed);
  const sizes = Array.from({ length: kills }, () => random() * bytes).sort((a, b) => a - b);
  const part = `${output}.part`;
  for (const file of [output, part, `${output}.checkpoint`, `${output}.lock`]) rmSync(file, { force: true });
  let [early, later, missed] = [0, 0, 0];
  while (early + later < kills && missed < kills) {
    const size = sizes[early + later];
    const pause = random() * 10;
    let killing = false;
    const { signal, err } = await run(command, (kill) => {
      const watcher = watch(dirname(output), () => {
        if (killing || (statSync(part, { throwIfNoEntry: false })?.size ?? -1) < size) return;
        killing = true;
        setTimeout(kill, pause);
      });
      return () => watcher.close();
    });
    if (signal === "SIGKILL") /going on/.test(err) ? later++ : early++;
    else if (existsSync(output)) missed++;
    else throw new Error(`the command ended by itself: ${err}`);
  }
  const { code, err } = await run(command, () => () => {});
  if (code !== 0) throw new Error(`the last run ended with ${code}: ${err}`);
  return { early, later, missed };
}

async function run(command: readonly string[], begin: (kill: () => void) => () => void) {
  const child = spawn(command[0], command.slice(1), { stdio: ["ignore", "ignore", "pipe"] });
  let err = "";
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk;
  });
  const end = begin(() => child.kill("SIGKILL"));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (...how) => resolve(how));
  });
  end();
  return { code, signal, err };
}
