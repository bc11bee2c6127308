import { type ChildProcess, execFile, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { SentenceTransformer } from "../../src/node.ts";
import { type Project, project, root } from "../packaging/packed.ts";

/* Examples as somebody has them who copied the folder and installed the published packages: these come packed, the others from beside the tests. */

export const EXAMPLES = join(root, "examples");
const installed = (folder: string): string => join(root, "test", folder, "node_modules");
export const bun = join(installed("runtimes"), "bun/bin/bun");
export const deno = join(installed("runtimes"), "deno/deno");
export const node24 = join(installed("runtimes"), "node24/bin/node");

/** The reason why a test is skipped, for its name; undefined where everything is there. */
export function missing(...paths: string[]): string | undefined {
  const path = paths.find((path) => !existsSync(path));
  return path && `skipped: ${path.replace(`${root}/`, "")} is not installed; npm run test:runtimes does that`;
}

/** The example in a project of its own, where the packed packages are installed, and linked or copied packages beside them. */
export function example(
  name: string,
  { linked = [], copied }: { linked?: readonly string[]; copied?: boolean } = {},
): Project {
  const made = project();
  const [example, modules] = [join(EXAMPLES, name), join(made.folder, "node_modules")];
  // What the example builds is not a part of it, should somebody have run it in place.
  const built = new Set(["node_modules", "dist", "public", ".next", "next-env.d.ts", "rank"]);
  for (const file of readdirSync(example)) {
    if (!built.has(file)) cpSync(join(example, file), join(made.folder, file), { recursive: true });
  }
  for (const path of linked) {
    const [from, name] = path.split(":");
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(installed(from), name), join(modules, name));
  }
  if (copied) cpSync(installed("examples"), modules, { recursive: true, verbatimSymlinks: true });
  return made;
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in the folder, with these folders of programs before the others. */
export async function run(
  [binary, ...args]: readonly string[],
  cwd: string,
  { input = "", path = [], env = {} }: { input?: string; path?: readonly string[]; env?: Record<string, string> } = {},
): Promise<Output> {
  const PATH = [...path, process.env.PATH].join(delimiter);
  const running = promisify(execFile)(binary, args, {
    cwd,
    timeout: 300_000,
    maxBuffer: 2 ** 26,
    env: { ...process.env, NODE_ENV: undefined, ...env, PATH },
  });
  running.child.stdin?.on("error", () => {}); // a program that ends before it has read
  running.child.stdin?.end(input);
  return running.catch((error: Error & Output) => {
    throw new Error(`${error.message}\n${error.stdout}`); // tsc and next say there what is wrong
  });
}

export interface Server {
  readonly origin: string;
  stop(): Promise<void>;
}

/** Starts a program that serves, and prints its address, on a port of its own. */
export async function start(
  [binary, ...args]: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<Server> {
  const options = { cwd, env: { ...process.env, NODE_ENV: undefined, NO_COLOR: "1", FORCE_COLOR: undefined, ...env } };
  const child: ChildProcess = spawn(binary, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let printed = "";
  const origin = await new Promise<string>((resolve, reject) => {
    const read = (piece: Buffer): void => {
      printed += piece;
      const address = /http:\/\/(?:127\.0\.0\.1|localhost):\d+/.exec(printed)?.[0];
      if (address !== undefined) resolve(address);
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    child.once("error", reject);
    ended.then(() => reject(new Error(`${binary} ${args.join(" ")} ended: ${printed}`)));
  });
  return {
    origin,
    async stop() {
      child.kill();
      await ended;
    },
  };
}

/** What the source on Node answers with the bundled model. */
export interface Expected {
  embed(texts: readonly string[]): Promise<number[][]>;
  /** `[score with four digits, text]`, the nearest first. */
  rank(query: string, texts: readonly string[]): Promise<[string, string][]>;
  dispose(): Promise<void>;
}

export async function expectedOfNode(): Promise<Expected> {
  const model = await SentenceTransformer.load(join(root, "weights/model"), { threads: 0 });
  return {
    embed: async (texts) => (await model.encode([...texts])).map((row) => Array.from(row)),
    async rank(query, texts) {
      const [scores] = model.similarity(await model.encode(query), await model.encode([...texts]));
      const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
      return order.map((i) => [scores[i].toFixed(4), texts[i]]);
    },
    dispose: () => model.dispose(),
  };
}
