import { execFileSync } from "node:child_process";
import type { BackendInfo } from "../../src/node.ts";
import type { Project } from "./packed.ts";

/* The program that is bundled, and what it answers. */

/** `before` are more imports. In a page, `embed(options)` is what it leaves behind. */
export const inPage = (before = "", options = "{}"): string => `
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
${before}
const digest = async (text) => {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
};
globalThis.embed = async (asked) => {
  const model = await SentenceTransformer.load(mini, { ...${options}, ...asked });
  const rows = await model.encode(${JSON.stringify(TEXTS)});
  const { backend } = model;
  await model.dispose();
  const bits = rows.map((row) => Array.from(new Uint32Array(row.buffer), (x) => x.toString(36)).join(" ")).join("\\n");
  return { backend, isolated: globalThis.crossOriginIsolated, bits: bits.length + ":" + (await digest(bits)) };
};
`;

export const TEXTS = ["잠이 옵니다", "졸음이 옵니다", "The train is coming, and nobody sleeps."];

export interface Answer {
  readonly backend: BackendInfo;
  readonly isolated?: boolean;
  /** Of all vectors, hashed. */
  readonly bits: string;
}

/** What Node answers to the same program, without a bundler. */
export function onNode(project: Project): Answer {
  const file = project.write("node.js", `${inPage()}\nconsole.log(JSON.stringify(await embed({ threads: 0 })));`);
  return JSON.parse(execFileSync(process.execPath, [file], { encoding: "utf8" }));
}
