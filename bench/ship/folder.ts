import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { openSafetensors } from "../../src/formats/safetensors.ts";
import { convert, inMemory } from "../../src/node-quantize.ts";

/** Files below a folder, by their paths in it. */
export function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();
}

/**
 * Puts a trained model in the place of the bundled one, as float16.
 * @throws Error where its files are not `listed` ones, or its weights not float16; nothing has changed then.
 */
export async function takeIn(from: string, to: string, listed: readonly string[]): Promise<void> {
  if (resolve(from) === resolve(to)) return;
  if (!existsSync(join(from, "model.safetensors"))) {
    throw new Error(`${from} holds no model.safetensors: give the folder model/ that reference/train wrote`);
  }
  const files = filesOf(from);
  const more = files.filter((file) => !listed.includes(file));
  const less = listed.filter((file) => !files.includes(file));
  if (more.length + less.length > 0) {
    const what = [...more.map((file) => `${file} is new`), ...less.map((file) => `${file} is missing`)].join(", ");
    throw new Error(`${from}: ${what}. weights/index.js lists what ships: change it, or the folder`);
  }
  const { tensors } = await openSafetensors(readFileSync(join(from, "model.safetensors")));
  for (const [name, { dtype }] of tensors) {
    if (dtype !== "float16")
      throw new Error(`${from}/model.safetensors: ${name} is ${dtype}: export the model as float16`);
  }
  await replace(to, (part) => cpSync(from, part, { recursive: true }));
}

/** Makes the whole-number weights that ship out of the float16 ones, as `munjang convert` does. */
export async function makeInt8(from: string, to: string): Promise<void> {
  const { files } = await converted(from);
  await replace(to, (part) => {
    for (const [path, bytes] of Object.entries(files)) {
      mkdirSync(dirname(join(part, path)), { recursive: true });
      writeFileSync(join(part, path), bytes);
    }
  });
}

async function converted(from: string): Promise<ReturnType<typeof inMemory>> {
  const sink = inMemory();
  await convert(from, sink);
  return sink;
}

/** The new folder is complete or not there; what was there before goes last. */
async function replace(folder: string, fill: (part: string) => void): Promise<void> {
  const [part, old] = [`${folder}.part`, `${folder}.old`];
  for (const left of [part, old]) rmSync(left, { recursive: true, force: true });
  fill(part);
  if (existsSync(folder)) renameSync(folder, old);
  renameSync(part, folder);
  rmSync(old, { recursive: true, force: true });
}
