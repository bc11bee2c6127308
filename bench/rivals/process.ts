/** An engine's process, seen from the bench. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { commandOf, type EngineSpec } from "./engines.ts";
import type { Loaded, Memory, Rates, Request, Timed } from "./protocol.ts";

/** What comes back for each operation. */
interface Answers {
  readonly load: Loaded;
  readonly run: Timed;
  readonly vectors: { readonly rows: number; readonly columns: number };
  readonly rates: Rates;
  readonly memory: Memory;
  readonly install: { readonly bytes: number };
}

export interface EngineProcess {
  readonly spec: EngineSpec;
  ask<R extends Request>(request: R): Promise<Answers[R["op"]]>;
  stop(): Promise<void>;
}

/** Longest that one request may take; an engine that hangs is a result, not the end of the run. */
const PATIENCE = 5 * 60_000;

export function start(spec: EngineSpec, threads: number): EngineProcess {
  const [file, args] = commandOf(spec, threads);
  const count = String(threads);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    OMP_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
    RAYON_NUM_THREADS: count,
    HF_HUB_OFFLINE: "1",
    TRANSFORMERS_VERBOSITY: "error",
  };
  // Settings of a machine's own that choose slower kernels.
  for (const name of ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "NODE_OPTIONS"]) delete env[name];
  const child: ChildProcess = spawn(file, args, { env, stdio: ["pipe", "ignore", "pipe", "pipe"] });
  let noise = "";
  child.stderr?.on("data", (data) => {
    noise = (noise + data).slice(-2000);
  });
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", (error) => {
      noise += String(error);
      resolve();
    });
  });
  child.stdin?.on("error", () => {}); // a child that died says so by ending
  const answers = createInterface({ input: child.stdio[3] as Readable })[Symbol.asyncIterator]();

  return {
    spec,
    async ask<R extends Request>(request: R) {
      child.stdin?.write(`${JSON.stringify(request)}\n`);
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new Error(`${request.op} took more than ${PATIENCE / 60_000} minutes`)),
          PATIENCE,
        );
      });
      try {
        const line = await Promise.race([answers.next(), late]);
        if (line.done === true) {
          await ended;
          throw new Error(`it ended: ${noise.trim().split("\n").slice(-3).join(" ")}`);
        }
        const answer = JSON.parse(line.value) as Answers[R["op"]] | { readonly error: string };
        if ("error" in answer) throw new Error(String(answer.error));
        return answer;
      } finally {
        clearTimeout(timer);
      }
    },
    async stop() {
      child.stdin?.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), 5000); // this one process, by the id it was started with
      await ended;
      clearTimeout(timer);
    },
  };
}
