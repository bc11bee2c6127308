import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { download, type LoadProgress, openModel, SentenceTransformer } from "../../src/node.ts";
import { goldenFolder } from "../golden/read.ts";
import { tinyFiles } from "../tiny.ts";
import { fails } from "./fails.ts";
import { COMMIT, type Files, MODEL, serveHub, type TestHub } from "./server.ts";

let cacheDir: string;
let hubs: TestHub[];
beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), "munjang-cache-"));
  hubs = [];
  for (const name of Object.keys(process.env)) if (/^(HF_|HUGGING|TRANSFORMERS_)/.test(name)) vi.stubEnv(name, "");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const hub of hubs) await hub.close();
  rmSync(cacheDir, { recursive: true, force: true });
});

async function serve(files: Files, commit?: string): Promise<TestHub> {
  const hub = await serveHub(files, commit);
  hubs.push(hub);
  return hub;
}

const CONTAINERS = join(import.meta.dirname, "../formats/fixtures/containers");

/** A golden model, with other containers of its weights beside or in place of its own. */
function modelWith(name: string, container?: string, keep = false): Files {
  const own = Object.entries(tinyFiles(name)).filter(([path]) => keep || !path.endsWith(".safetensors"));
  if (container === undefined) return tinyFiles(name);
  const folder = join(CONTAINERS, container);
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.includes("."));
  return { ...Object.fromEntries(own), ...Object.fromEntries(paths.map((p) => [p, readFileSync(join(folder, p))])) };
}

describe("download", () => {
  it.each<[string, Files]>([
    ["plain", modelWith("plain")],
    ["modules with weights", modelWith("dense-chain")],
    ["dense in three kinds", modelWith("dense-kinds")],
    ["an old layout in subfolders", modelWith("old-subfolder")],
    ["no modules.json", modelWith("no-modules")],
    ["prompts", modelWith("prompts")],
    ["RoBERTa", modelWith("roberta")],
    ["tokenizer.json alone", modelWith("uncased-json")],
    ["lower case by sentence_bert_config.json", modelWith("lower-in-sbert")],
    ["shards", modelWith("no-modules", "no-modules.safetensors-shards")],
    ["PyTorch shards", modelWith("no-modules", "no-modules.pytorch-shards")],
    ["pytorch_model.bin, modules too", modelWith("dense-chain", "dense-chain.zip")],
    ["legacy pytorch_model.bin", modelWith("old-subfolder", "old-subfolder.legacy")],
  ])("%s: everything that load needs, and nothing else", async (_, files) => {
    const hub = await serve({ ...files, "README.md": new Uint8Array(3), "onnx/model.onnx": new Uint8Array(2000) });
    const seen = new Map<string, LoadProgress>();
    const onProgress = (progress: LoadProgress): void => void seen.set(progress.file, progress);
    const done = await download(MODEL, { endpoint: hub.url, cacheDir, onProgress });
    expect(done).toMatchObject({ commit: COMMIT, offline: false });
    expect(done.folder).toBe(join(cacheDir, "models--someone--tiny/snapshots", COMMIT));
    for (const { file, bytes } of done.files) {
      expect(readFileSync(join(done.folder, file)).length, file).toBe(bytes);
      expect(seen.get(file), file).toMatchObject({ loaded: bytes, phase: "download" });
    }
    const stored = readdirSync(done.folder, { recursive: true, withFileTypes: true }).filter((e) => !e.isDirectory());
    expect(stored.length).toBe(done.files.length);

    await hub.close();
    hubs = [];
    const read = new Set<string>();
    const loaded = await SentenceTransformer.load(MODEL, {
      cacheDir,
      localFilesOnly: true,
      onProgress: ({ file }) => read.add(file),
    });
    const local = await SentenceTransformer.load({ files });
    expect(loaded.identity).toEqual(local.identity);
    expect([...read].sort()).toEqual(done.files.map(({ file }) => file).sort());
    await loaded.dispose();
    await local.dispose();
  });

  it("of two containers the one that load takes", async () => {
    const hub = await serve(modelWith("float16", "float16.zip", true));
    const { files } = await download(MODEL, { endpoint: hub.url, cacheDir });
    const names = files.map(({ file }) => file);
    expect(names).toContain("model.safetensors");
    expect(names).not.toContain("pytorch_model.bin");
  });

  it("asks where the branch stands today, unless told not to", async () => {
    const files = tinyFiles();
    const hub = await serve(files);
    await download(MODEL, { endpoint: hub.url, cacheDir });
    const later = "decade".padEnd(40, "1");
    const moved = await serve(files, later);
    const options = { endpoint: moved.url, cacheDir };
    expect(await download(MODEL, { ...options, refresh: false })).toMatchObject({ commit: COMMIT, offline: false });
    expect(moved.asked.length).toBe(0);
    expect(await download(MODEL, options)).toMatchObject({ commit: later });
    expect(
      moved.asked.every(({ method }) => method === "HEAD"),
      "the bytes are there already",
    ).toBe(true);
    expect(moved.cdn.asked.length).toBe(0);
    const asked = moved.asked.length;
    expect(await download(MODEL, options)).toMatchObject({ commit: later });
    expect(moved.asked.length, "one question: where main stands").toBe(asked + 1);
    await fails(download(MODEL, { ...options, endpoint: "http://127.0.0.1:1" }), "cannot be asked");
    expect(await download(MODEL, { ...options, localFilesOnly: true })).toMatchObject({ commit: later, offline: true });
  }, 30_000);

  it("refuses what cannot run, before the weights come where it can", async () => {
    const files = { ...tinyFiles(), "config.json": new TextEncoder().encode('{"model_type": "gpt2"}') };
    const hub = await serve(files);
    await fails(download(MODEL, { endpoint: hub.url, cacheDir }), "config.json", "model_type");
    expect(hub.cdn.asked.length).toBe(0);
  });

  it("is for models of the hub", async () => {
    const folder = resolve(goldenFolder("plain"));
    await fails(download(folder), "model", "not a model of the hub", folder);
    await fails(download("munjang-mini-ko"), "not a model of the hub", "load it as it is");
    await fails(download("https://example.org/model/"), "not a model of the hub");
    await fails(download("a/b/c"), "cannot be the name of a model");
  });

  it("ends with the signal", async () => {
    const hub = await serve(tinyFiles());
    const stop = new AbortController();
    hub.trick = ({ path }) => {
      if (path.endsWith("config.json")) stop.abort(new Error("enough"));
      return undefined;
    };
    await expect(download(MODEL, { endpoint: hub.url, cacheDir, signal: stop.signal })).rejects.toThrow("enough");
    expect(hub.cdn.asked.length).toBe(0);
  });
});

describe("openModel", () => {
  const text = async (source: Awaited<ReturnType<typeof openModel>>, path: string): Promise<string | undefined> => {
    const bytes = await source.open(path);
    return bytes && new TextDecoder().decode(await bytes.slice(0, bytes.byteLength));
  };

  it("says which folder it is, where there is one", async () => {
    const files = tinyFiles();
    const hub = await serve(files);
    const folder = resolve(goldenFolder("plain"));
    const mini = realpathSync(join(import.meta.dirname, "../../weights/model"));
    const sources = [
      [await openModel(folder), folder],
      [await openModel(pathToFileURL(folder)), folder],
      [await openModel("munjang-mini-ko"), mini],
      [
        await openModel(MODEL, { endpoint: hub.url, cacheDir }),
        join(cacheDir, "models--someone--tiny/snapshots", COMMIT),
      ],
      [await openModel({ files }), undefined],
      [await openModel(`${hub.url}/${MODEL}/resolve/main/`), undefined],
    ] as const;
    for (const [source, expected] of sources) {
      expect(source.folder).toBe(expected);
      expect(JSON.parse((await text(source, "config.json")) ?? "")).toHaveProperty("hidden_size");
      expect(await text(source, "nothing.txt")).toBeUndefined();
      await source.close();
      expect(JSON.parse((await text(source, "config.json")) ?? ""), "after close too").toHaveProperty("hidden_size");
      await source.close();
    }
  });

  it("gives a source that load takes", async () => {
    const source = await openModel(goldenFolder("plain"));
    const model = await SentenceTransformer.load(source);
    expect((await model.encode("rain")).length).toBe(model.dimension);
    await model.dispose();
    mkdirSync(join(cacheDir, "empty"));
    await fails(SentenceTransformer.load(await openModel(join(cacheDir, "empty"))), "config.json: is missing");
  });
});
