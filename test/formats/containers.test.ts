import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openPytorch } from "../../src/formats/pytorch.ts";
import { tensorSource } from "../../src/formats/rows.ts";
import { openSafetensors, type Tensor, writeSafetensors } from "../../src/formats/safetensors.ts";
import { SentenceTransformer } from "../../src/node.ts";
import { readGolden } from "../golden/read.ts";
import { tinyFiles } from "../tiny.ts";

/*
 * The tiny golden models with their weights in every container (reference/formats/pytorch_fixtures.py writes them): the same bits, the
 * same identity as the safetensors files that the golden tests hold to the reference.
 */

type Files = Record<string, Uint8Array<ArrayBuffer>>;

const FOLDER = join(import.meta.dirname, "fixtures/containers");
const CONTAINERS = readdirSync(FOLDER).sort();

function isWeights(path: string): boolean {
  return /\.(safetensors|bin)(\.index\.json)?$/.test(path);
}

/** A golden model's files with the weights of a container in place of its own. */
function laidOver(container: string): Files {
  const model = tinyFiles(container.split(".")[0]);
  const own = Object.entries(model).filter(([path]) => !isWeights(path));
  const paths = readdirSync(join(FOLDER, container), { recursive: true, encoding: "utf8" }).filter(isWeights);
  const weights = paths.map((path) => [
    path.replaceAll("\\", "/"),
    new Uint8Array(readFileSync(join(FOLDER, container, path))),
  ]);
  return { ...Object.fromEntries(own), ...Object.fromEntries(weights) };
}

async function outcome(files: Files, texts: readonly string[], options: { rows?: "source" } = {}) {
  const model = await SentenceTransformer.load({ files }, options);
  const vectors = await model.encode([...texts]);
  await model.dispose();
  return { identity: model.identity, vectors };
}

it("there is every container", () => {
  const kinds = CONTAINERS.map((name) => name.split(".")[1]);
  expect([...new Set(kinds)].sort()).toEqual([
    "legacy",
    "pytorch-shards",
    "safetensors-shards",
    "shared",
    "strided",
    "tied",
    "zip",
  ]);
});

describe.each(CONTAINERS)("%s", (container) => {
  const name = container.split(".")[0];
  const texts = readGolden(name).texts.map((t) => t.text);

  it("gives the bits and the identity of the safetensors model", async () => {
    const want = await outcome(tinyFiles(name), texts);
    const got = await outcome(laidOver(container), texts);
    expect(got.vectors).toEqual(want.vectors);
    // A tied decoder is a tensor more.
    if (!container.endsWith(".tied")) expect(got.identity).toEqual(want.identity);
  });

  it("gives the same bits with the word table left in its file", async () => {
    const want = await outcome(tinyFiles(name), texts);
    expect((await outcome(laidOver(container), texts, { rows: "source" })).vectors).toEqual(want.vectors);
  });
});

it("a tied decoder counts as what it is: the same tensors in one safetensors file have the same identity", async () => {
  const files = laidOver("one-layer-cls.tied");
  const weights = await openPytorch(files["pytorch_model.bin"]);
  const tensors: [string, Tensor][] = [];
  for (const key of weights.tensors.keys()) tensors.push([key, await weights.read(key)]);
  const { "pytorch_model.bin": _, ...rest } = files;
  const copy = { ...rest, "model.safetensors": writeSafetensors(tensors) };
  expect((await outcome(files, [])).identity).toEqual((await outcome(copy, [])).identity);
});

it("another tensor is another identity, in every container", async () => {
  for (const container of ["dense-chain.zip", "no-modules.strided", "no-modules.safetensors-shards"]) {
    const files = laidOver(container);
    const path = Object.keys(files)
      .filter((path) => /\.(safetensors|bin)$/.test(path))
      .sort()[0];
    const changed = files[path].slice();
    const place = path.endsWith(".bin") ? 0.5 : 0.99;
    changed[Math.floor(changed.length * place)] ^= 1;
    const before = (await outcome(files, [])).identity.model;
    expect((await outcome({ ...files, [path]: changed }, [])).identity.model, container).not.toBe(before);
  }
});

it("safetensors come before PyTorch, one file before shards", async () => {
  const files: Files = tinyFiles("no-modules");
  const junk = new TextEncoder().encode("not read");
  const all: Files = {
    ...files,
    "model.safetensors.index.json": junk,
    "pytorch_model.bin": junk,
    "pytorch_model.bin.index.json": junk,
  };
  expect((await outcome(all, [])).identity).toEqual((await outcome(files, [])).identity);
  const { "model.safetensors": _, ...rest } = all;
  await expect(outcome(rest, [])).rejects.toThrow("model.safetensors.index.json");
});

it("every tensor of every container is that of the safetensors file, its ends too", async () => {
  for (const container of ["no-modules.strided", "float16.legacy", "one-layer-cls.shared", "old-names.zip"]) {
    const want = await openSafetensors(tinyFiles(container.split(".")[0])["model.safetensors"]);
    const got = await openPytorch(laidOver(container)["pytorch_model.bin"]);
    expect([...got.tensors.keys()].sort()).toEqual([...want.tensors.keys()].sort());
    for (const key of want.tensors.keys()) {
      expect(await got.read(key), key).toEqual(await want.read(key));
      expect(await tensorSource(got).ends(key), key).toEqual(await tensorSource(want).ends(key));
    }
  }
});
