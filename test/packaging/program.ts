import { execFileSync } from "node:child_process";
import type { BackendInfo } from "../../src/node.ts";
import type { Project } from "./packed.ts";

/* The program that is bundled, and what it answers. */

const TEXTS = ["잠이 옵니다", "졸음이 옵니다", "The train is coming, and nobody sleeps."];

/** Leaves `embed(options)` behind. `imports` must say what `model` is; `options` go before those that `embed` is given. */
export const program = (imports: string, model: string, options = "{}"): string => `
import { SentenceTransformer } from "munjang";
${imports}
const digest = async (text) => {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
};
globalThis.embed = async (asked) => {
  const model = await SentenceTransformer.load(${model}, { ...${options}, ...asked });
  const rows = await model.encode(${JSON.stringify(TEXTS)});
  const { backend } = model;
  await model.dispose();
  const bits = rows.map((row) => Array.from(new Uint32Array(row.buffer), (x) => x.toString(36)).join(" ")).join();
  return { backend, isolated: globalThis.crossOriginIsolated, bits: bits.length + ":" + (await digest(bits)) };
};
`;

/** As most people begin. */
export const inPage = (imports = ""): string => program(`import { mini } from "munjang-mini-ko";\n${imports}`, "mini");

/** Prints what \`embed\` answers to the options it is given, or the error. */
export const PRINT = `
embed(JSON.parse(process.argv[2] ?? "{}")).then(
  (answer) => console.log(JSON.stringify(answer)),
  (error) => console.log(JSON.stringify({ error: String(error) })),
);
`;

export interface Answer {
  readonly backend: BackendInfo;
  readonly isolated?: boolean;
  /** Of all vectors, hashed. */
  readonly bits: string;
}

/** What a program that ends in PRINT answers. */
export function run([binary, ...args]: readonly string[], options: object, cwd: string): Answer {
  const out = execFileSync(binary, [...args, JSON.stringify(options)], { cwd, encoding: "utf8", timeout: 120_000 });
  const answer: Answer & { error?: string } = JSON.parse(out);
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer;
}

/** What Node answers to the same program, without a bundler. */
export function onNode({ folder, write }: Project): Answer {
  return run([process.execPath, write("node.js", inPage() + PRINT)], { threads: 0 }, folder);
}
