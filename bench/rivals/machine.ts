/** What the figures were measured on. */
import { spawnSync } from "node:child_process";
import { cpus, totalmem } from "node:os";
import { cpuinfo } from "../cpu.ts";
import { version } from "./adapters.ts";
import { here, nodeBinary } from "./engines.ts";

/** A name that tells apart what virtual machines call by one: "amd-epyc-26-2" is maker, name, family and model. */
export function cpuName(): string {
  const name = cpus()[0].model.replace(/\((R|TM)\)|@.*|\bprocessor\b|\bCPU\b/gi, " ");
  return [name, cpuinfo("cpu family"), cpuinfo("model")]
    .join(" ")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
}

export function aboutMachine(): Record<string, unknown> {
  const git = (...args: string[]): string => spawnSync("git", args, { cwd: here, encoding: "utf8" }).stdout.trim();
  const flags = cpuinfo("flags").split(" ");
  return {
    cpu: cpus()[0].model.trim(),
    family: Number(cpuinfo("cpu family")),
    model: Number(cpuinfo("model")),
    flags: ["avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni"].filter((flag) => flags.includes(flag)),
    cores: cpus().length,
    memory: totalmem(),
    node: spawnSync(nodeBinary, ["-v"], { encoding: "utf8" }).stdout.trim(),
    commit: git("rev-parse", "--short", "HEAD"),
    changed: git("status", "--porcelain", "--", "src").length > 0,
    versions: Object.fromEntries(
      ["onnxruntime-web", "onnxruntime-node", "@huggingface/transformers", "@jax-js/jax"].map((name) => [
        name,
        version(name),
      ]),
    ),
  };
}
