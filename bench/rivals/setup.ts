/** Makes what the bench needs and git does not hold: the Python environment, the model's folder, the graphs. Some minutes once, then seconds. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { here, int8Folder, modelFolder, pythonBinary } from "./engines.ts";
import { vocabulary, writeModel } from "./model.ts";

function must(file: string, args: readonly string[]): void {
  const { status, error } = spawnSync(file, args, { cwd: here, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new Error(`${file} ${args.join(" ")}: ${error ?? `status ${status}`}`);
}

/** PyTorch, onnxruntime and all they need. */
export function pythonEnvironment(): void {
  if (!existsSync(pythonBinary)) must(process.env.PYTHON ?? "python3", ["-m", "venv", join(here, ".venv")]);
  const has = spawnSync(pythonBinary, ["-c", "import torch, sentence_transformers, onnxruntime, onnxscript"]);
  if (has.status !== 0) {
    // PyTorch first and alone: sentence-transformers would otherwise choose one for graphics cards.
    must(pythonBinary, ["-m", "pip", "install", "--quiet", "torch==2.13.0"]);
    must(pythonBinary, ["-m", "pip", "install", "--quiet", "-r", "requirements.txt"]);
  }
}

/** Returns the name of the vocabulary. */
export function setUp(): string {
  pythonEnvironment();
  const { name, tokens } = vocabulary();
  writeModel(modelFolder, tokens);
  must(pythonBinary, ["export.py", modelFolder]);
  if (!existsSync(int8Folder))
    must(process.execPath, [join(here, "../../apps/cli/dist/main.js"), "convert", modelFolder, int8Folder]);
  return name;
}
