import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type LoadProgress, SentenceTransformer } from "../../src/node.ts";
import { openModel, type SourceOptions } from "../../src/source.ts";
import { randomNumbers } from "../random.ts";
import { tinyFiles } from "../tiny.ts";
import { fails } from "./fails.ts";
import { COMMIT, cut, type Files, gitBlob, MODEL, serveHub, sha256, type TestHub, type Trick } from "./server.ts";

const model = tinyFiles();
const big = new Uint8Array(randomNumbers(9)(300_000).buffer); // 1,200,000 bytes
const files: Files = { ...model, "big.bin": big, "sub/odd # name.txt": new TextEncoder().encode("odd") };
const RIGHT_AWAY = { "retry-after": "0" };

let cacheDir: string;
let hubs: TestHub[];
beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), "munjang-cache-"));
  hubs = [];
  for (const name of Object.keys(process.env))
    if (/^(HF_|HUGGING|TRANSFORMERS_|XDG_CACHE)/.test(name)) vi.stubEnv(name, "");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const hub of hubs) await hub.close();
  rmSync(cacheDir, { recursive: true, force: true });
});

async function serve(trick?: { hub?: Trick; cdn?: Trick }, content: Files = files): Promise<TestHub> {
  const hub = await serveHub(content);
  hub.trick = trick?.hub;
  hub.cdn.trick = trick?.cdn;
  hubs.push(hub);
  return hub;
}

const folder = (): string => join(cacheDir, "models--someone--tiny");
const snapshot = (path = ""): string => join(folder(), "snapshots", COMMIT, path);
const blob = (bytes: Uint8Array): string =>
  join(folder(), "blobs", bytes.length < 1000 ? gitBlob(bytes) : sha256(bytes));
const partial = (bytes: Uint8Array): string => `${blob(bytes)}.munjang.incomplete`;

/** One file through the whole machinery. */
async function get(hub: TestHub, path = "big.bin", options: SourceOptions = {}): Promise<Buffer | undefined> {
  const source = await openModel(MODEL, { endpoint: hub.url, cacheDir, ...options });
  try {
    const bytes = await source.open(path);
    return bytes && Buffer.from(await bytes.slice(0, bytes.byteLength));
  } finally {
    await source.close();
  }
}
const same = (a: Uint8Array | undefined, b: Uint8Array): void => expect(a && Buffer.compare(a, b)).toBe(0);

/** Every file under snapshots is whole. */
function checkSnapshots(): void {
  for (const entry of readdirSync(join(folder(), "snapshots"), { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const at = join(entry.parentPath, entry.name);
    same(readFileSync(at), files[at.slice(snapshot().length + 1)]);
  }
}

describe("a model of the hub", () => {
  it("is downloaded into the cache as Python lays it out, and gives the bits of the folder", async () => {
    const hub = await serve();
    const local = await SentenceTransformer.load({ files: model });
    const seen: LoadProgress[] = [];
    const options = { endpoint: hub.url, cacheDir, onProgress: (progress: LoadProgress) => seen.push(progress) };
    const loaded = await SentenceTransformer.load(MODEL, options);
    expect(await loaded.encode("잠이 옵니다")).toEqual(await local.encode("잠이 옵니다"));
    expect(loaded.identity).toEqual(local.identity);
    await loaded.dispose();
    await local.dispose();

    expect(readFileSync(join(folder(), "refs/main"), "utf8")).toBe(COMMIT);
    for (const path of ["config.json", "model.safetensors", "1_Pooling/config.json", "tokenizer_config.json"]) {
      expect(lstatSync(snapshot(path)).isSymbolicLink(), path).toBe(true);
      const name = blob(model[path]).split("/").at(-1);
      expect(readlinkSync(snapshot(path))).toBe(`${"../".repeat(path.split("/").length + 1)}blobs/${name}`);
      same(readFileSync(snapshot(path)), model[path]);
    }
    expect(existsSync(join(folder(), ".no_exist", COMMIT, "added_tokens.json"))).toBe(true);
    expect(readdirSync(join(folder(), "blobs")).filter((name) => name.includes("."))).toEqual([]);
    expect(readdirSync(join(cacheDir, ".locks/models--someone--tiny"))).toEqual([]);
    const size = model["model.safetensors"].length;
    const of = (phase: string): LoadProgress | undefined =>
      seen.findLast((p) => p.file === "model.safetensors" && p.phase === phase);
    expect(of("download")).toMatchObject({ loaded: size, total: size });
    expect(of("read")?.total).toBe(size);
  });

  it("is not asked for a second time, not even for what it does not have", async () => {
    const hub = await serve();
    const options = { endpoint: hub.url, cacheDir };
    await (await SentenceTransformer.load(MODEL, options)).dispose();
    const asked = hub.asked.length + hub.cdn.asked.length;
    await (await SentenceTransformer.load(MODEL, options)).dispose();
    expect(hub.asked.length + hub.cdn.asked.length).toBe(asked);
    await hub.close();
    hubs = [];
    await (await SentenceTransformer.load(MODEL, { ...options, localFilesOnly: true })).dispose();
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await (await SentenceTransformer.load(MODEL, { cacheDir })).dispose();
  });

  it("all files of one commit, though the branch moves meanwhile", async () => {
    const hub = await serve();
    const source = await openModel(MODEL, { endpoint: hub.url, cacheDir });
    await source.open("config.json");
    await source.open("big.bin");
    await source.close();
    const revisions = hub.asked.map(({ path }) => path.split("/")[4]);
    expect(revisions).toEqual(["main", ...revisions.slice(1).map(() => COMMIT)]);
  });

  it("a branch stands where it stood when it was first loaded, unless asked to look again", async () => {
    const hub = await serve();
    await get(hub, "config.json");
    const later = "decade".padEnd(40, "1");
    const moved = await serveHub({ ...files, "config.json": new TextEncoder().encode("{}") }, later);
    hubs.push(moved);
    same(await get(moved, "config.json"), model["config.json"]);
    expect(moved.asked.length).toBe(0);
    expect(String(await get(moved, "config.json", { refresh: true }))).toBe("{}");
    expect(readFileSync(join(folder(), "refs/main"), "utf8")).toBe(later);
    expect(String(await get(moved, "config.json", { refresh: true, localFilesOnly: true }))).toBe("{}");
    same(await get(hub, "config.json", { revision: COMMIT, localFilesOnly: true }), model["config.json"]);
  });

  it("by environment: HF_ENDPOINT, HF_HUB_CACHE, HF_HOME, HF_TOKEN", async () => {
    const hub = await serve();
    vi.stubEnv("HF_ENDPOINT", `${hub.url}/`);
    vi.stubEnv("HF_HOME", cacheDir);
    vi.stubEnv("HF_TOKEN", "hf_secret\n");
    const options = { endpoint: undefined, cacheDir: undefined };
    same(await get(hub, "big.bin", options), big);
    expect(existsSync(join(cacheDir, "hub/models--someone--tiny/snapshots", COMMIT, "big.bin"))).toBe(true);
    vi.stubEnv("NEAR", cacheDir);
    vi.stubEnv("HF_HUB_CACHE", "$NEAR/other");
    same(await get(hub, "big.bin", options), big);
    expect(existsSync(join(cacheDir, "other/models--someone--tiny/refs/main"))).toBe(true);
    expect(hub.asked.every(({ authorization }) => authorization === "Bearer hf_secret")).toBe(true);
    expect(hub.cdn.asked.length).toBe(2);
    expect(hub.cdn.asked.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it("by commit, without a ref", async () => {
    const hub = await serve();
    same(await get(hub, "big.bin", { revision: COMMIT }), big);
    expect(existsSync(join(folder(), "refs"))).toBe(false);
  });

  it("finds what Python has put into the cache", async () => {
    mkdirSync(join(folder(), "blobs"), { recursive: true });
    mkdirSync(join(folder(), "refs/refs/pr"), { recursive: true });
    writeFileSync(join(folder(), "refs/refs/pr/1"), COMMIT);
    for (const [path, bytes] of Object.entries(model)) {
      mkdirSync(dirname(snapshot(path)), { recursive: true });
      writeFileSync(blob(bytes), bytes);
      symlinkSync(`${"../".repeat(path.split("/").length + 1)}blobs/${blob(bytes).split("/").at(-1)}`, snapshot(path));
    }
    const options = { cacheDir, revision: "refs/pr/1", localFilesOnly: true };
    await (await SentenceTransformer.load(MODEL, options)).dispose();
  });

  it("without symbolic links", async () => {
    const hub = await serve();
    vi.stubEnv("HF_HUB_DISABLE_SYMLINKS", "1");
    const loaded = await SentenceTransformer.load(MODEL, { endpoint: hub.url, cacheDir });
    await loaded.dispose();
    expect(lstatSync(snapshot("config.json")).isFile()).toBe(true);
    expect(readdirSync(join(folder(), "blobs"))).toEqual([]);
    const asked = hub.asked.length;
    await (await SentenceTransformer.load(MODEL, { endpoint: hub.url, cacheDir })).dispose();
    expect(hub.asked.length).toBe(asked);
  });

  it("bytes that are there already under another name are linked, not fetched", async () => {
    const hub = await serve(undefined, { ...files, "copy.bin": big });
    same(await get(hub), big);
    same(await get(hub, "copy.bin"), big);
    expect(hub.cdn.asked.length).toBe(1);
    rmSync(blob(big)); // and a link that leads nowhere is mended
    same(await get(hub), big);
    expect(hub.cdn.asked.length).toBe(2);
  });

  it.each<[string, Uint8Array]>([
    ["of another size", new Uint8Array(5)],
    ["with other contents", big.map((byte, i) => (i === 777 ? byte ^ 1 : byte))],
  ])("a blob %s is an error, and stays", async (_, other) => {
    const hub = await serve(undefined, { ...files, "copy.bin": big });
    await get(hub);
    writeFileSync(blob(big), other);
    await fails(get(hub, "copy.bin"), "is damaged, or another file's", `it has ${other.length} bytes`, "remove it");
    same(readFileSync(blob(big)), other);
    expect(existsSync(snapshot("copy.bin"))).toBe(false);
    rmSync(blob(big));
    same(await get(hub, "copy.bin"), big);
  });

  it.each(["", "1"])(
    "two files with one ETag that is no hash do not meet (HF_HUB_DISABLE_SYMLINKS=%s)",
    async (disabled) => {
      vi.stubEnv("HF_HUB_DISABLE_SYMLINKS", disabled);
      const [one, two, long] = ["one", "two", "longer"].map((text) => new TextEncoder().encode(text));
      const content: Files = { ...files, "one.txt": one, "two.txt": two, "long.txt": long };
      const hub = await serve(undefined, content);
      hub.trick = ({ method, path }, response) => {
        const bytes = content[path.split("/").at(-1) ?? ""];
        if (bytes === undefined || !path.endsWith(".txt")) return;
        response.writeHead(200, { "x-repo-commit": COMMIT, etag: '"same"', "content-length": bytes.length });
        response.end(method === "HEAD" ? undefined : bytes);
        return true;
      };
      for (let round = 0; round < 2; round++) {
        for (const path of ["one.txt", "two.txt", "long.txt"]) same(await get(hub, path), content[path]);
      }
      for (const path of ["one.txt", "two.txt", "long.txt"]) same(readFileSync(snapshot(path)), content[path]);
      rmSync(snapshot(), { recursive: true }); // and are found again where only a link is missing
      const fetched = hub.asked.filter(({ method }) => method === "GET").length;
      for (const path of ["one.txt", "two.txt", "long.txt"]) same(await get(hub, path), content[path]);
      const again = hub.asked.filter(({ method }) => method === "GET").length - fetched;
      expect(again).toBe(disabled === "" ? 0 : 3);
    },
  );

  it("odd names and small files", async () => {
    const hub = await serve();
    expect(String(await get(hub, "sub/odd # name.txt"))).toBe("odd");
    expect(await get(hub, "sub/nothing.txt")).toBeUndefined();
  });

  it("small files that a proxy compresses on the way, with a weak ETag", async () => {
    const path = "tokenizer_config.json";
    const packed = gzipSync(files[path]);
    const hub = await serve({
      hub: (asked, response) => {
        if (!asked.path.endsWith(path)) return;
        response.writeHead(200, {
          "x-repo-commit": COMMIT,
          etag: `W/"${gitBlob(files[path])}"`,
          "content-encoding": "gzip",
          "content-length": packed.length,
        });
        response.end(asked.method === "HEAD" ? undefined : packed);
        return true;
      },
    });
    same(await get(hub, path), files[path]);
  });

  it("an empty file", async () => {
    const hub = await serve(undefined, { ...files, empty: new Uint8Array(0) });
    expect(await get(hub, "empty")).toEqual(Buffer.alloc(0));
    expect(await get(hub, "empty", { localFilesOnly: true })).toEqual(Buffer.alloc(0));
  });

  it("a progress report for every part, up to the whole", async () => {
    const hub = await serve({
      cdn: (_, response) => {
        response.writeHead(200, { "content-length": big.length });
        for (let i = 0; i < 4; i++)
          setTimeout(() => response.write(big.subarray(i * 300_000, (i + 1) * 300_000)), i * 150);
        return true;
      },
    });
    const seen: number[] = [];
    await get(hub, "big.bin", {
      onProgress: ({ loaded, total, phase }) => {
        expect([total, phase]).toEqual([big.length, "download"]);
        seen.push(loaded);
      },
    });
    expect(seen.length).toBeGreaterThan(2);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(big.length);
  });
});

describe("names", () => {
  it("an existing folder comes before an installed package, and both before the hub", async () => {
    const hub = await serve();
    const here = process.cwd();
    const at = mkdtempSync(join(tmpdir(), "munjang-order-"));
    const put = (path: string): void => {
      for (const [name, bytes] of Object.entries(model)) {
        mkdirSync(dirname(join(at, path, name)), { recursive: true });
        writeFileSync(join(at, path, name), bytes);
      }
    };
    const options = { endpoint: hub.url, cacheDir };
    const open = async (name: string): Promise<boolean> => {
      const source = await openModel(name, options);
      const found = (await source.open("config.json")) !== undefined;
      await source.close();
      return found;
    };
    try {
      process.chdir(at);
      put("node_modules/my-model/files");
      writeFileSync(join(at, "node_modules/my-model/package.json"), '{ "munjang": { "model": "./files" } }');
      expect(await open("my-model")).toBe(true);
      mkdirSync(join(at, "my-model"));
      expect(await open("my-model"), "an empty folder of that name").toBe(false);
      expect(hub.asked.length).toBe(0);
      expect(await open(MODEL)).toBe(true);
      const asked = hub.asked.length;
      expect(asked).toBeGreaterThan(0);
      mkdirSync(join(at, MODEL), { recursive: true });
      expect(await open(MODEL), "an empty folder of that name").toBe(false);
      expect(hub.asked.length).toBe(asked);
    } finally {
      process.chdir(here);
      rmSync(at, { recursive: true });
    }
  });

  it.each([
    "nothing",
    "a/b/c",
    "../x/y",
    "./a/b",
    "a--b/c",
    "a/b.git",
    "-a/b",
    "a/b-",
    "한국/모델",
    "a/b c",
    `a/${"b".repeat(99)}`,
    "a\\b",
    "/no/where",
  ])("that none of them has: %s", async (name) => {
    await fails(openModel(name), "neither a folder nor an installed weights package", "cannot be the name of a model");
  });

  it.each(["../../x", "/etc", "a/../b", "a//b", "a\\b", "", "a\0b", "c:d", ".", "a/./b", "x".repeat(300)])(
    "a revision that is none: %j",
    async (revision) => {
      await fails(openModel(MODEL, { revision }), "revision", "must be a branch, a tag or a commit");
    },
  );

  it.each([
    ["ftp://x/", "https://"],
    ["nonsense", "must be a URL"],
    ["https://me:secret@x/", "must not hold a name and a password"],
  ])("an endpoint that is none: %s", async (endpoint, part) => {
    const error = await fails(openModel(MODEL, { endpoint }), part);
    expect(error.message).not.toContain("secret");
  });

  it("a token that is none stays out of the message", async () => {
    const error = await fails(openModel(MODEL, { token: "hf_se cret" }), "token");
    expect(JSON.stringify(error) + error.message + error.stack).not.toContain("hf_se");
  });
});

describe("nothing leaves the cache", () => {
  const outside = (): string => {
    const at = mkdtempSync(join(tmpdir(), "munjang-outside-"));
    writeFileSync(join(at, "config.json"), "{}");
    return at;
  };

  it.each(["../x", "a/../../x", "/etc/passwd/..", "a\\b", "C:x"])("a path: %s", async (path) => {
    const hub = await serve();
    await fails(get(hub, path), "leads out of the model's folder");
    expect(hub.asked.map((asked) => asked.path)).toEqual([`/${MODEL}/resolve/main/modules.json`]); // which commit it is
  });

  it.each(["../../../x", `${COMMIT}/../../x`, "c0ffee", "<html>"])("a ref that says %s", async (ref) => {
    mkdirSync(join(folder(), "refs"), { recursive: true });
    writeFileSync(join(folder(), "refs/main"), ref);
    const hub = await serve();
    await fails(get(hub), "refs/main", "must be a commit");
  });

  it("a commit from the server that is none", async () => {
    const hub = await serve({
      hub: (_, response) => Boolean(response.writeHead(200, { "x-repo-commit": "../../x", etag: '"a"' }).end()),
    });
    await fails(get(hub), "X-Repo-Commit");
  });

  it.each(["../../../x", "..", "a/b", "", ".hidden", "a\\b"])("an etag from the server: %s", async (etag) => {
    const hub = await serve({
      hub: (_, response) => Boolean(response.writeHead(200, { "x-repo-commit": COMMIT, etag: `"${etag}"` }).end()),
    });
    await fails(get(hub, "config.json"), "ETag", "cannot be the name of a file");
  });

  it("links that lead out, as a file and as any folder on the way", async () => {
    const at = outside();
    const hub = await serve();
    mkdirSync(snapshot(), { recursive: true });
    symlinkSync(join(at, "config.json"), snapshot("config.json"));
    await fails(get(hub, "config.json", { revision: COMMIT }), "leads out of the cache");
    for (const part of ["snapshots", "blobs", ".no_exist", "refs"]) {
      rmSync(folder(), { recursive: true });
      mkdirSync(folder());
      symlinkSync(at, join(folder(), part));
      await get(hub, "tokenizer_config.json").catch(() => {});
      await get(hub, "nothing.txt").catch(() => {});
      expect(readdirSync(at), part).toEqual(["config.json"]);
    }
    rmSync(folder(), { recursive: true });
    symlinkSync(at, folder());
    await fails(get(hub, "tokenizer_config.json"), "leads out of the cache");
    rmSync(at, { recursive: true });
  });

  it("locks and a ref that are links, and lead out, are refused", async () => {
    const at = outside();
    const hub = await serve();
    symlinkSync(at, join(cacheDir, ".locks"));
    await fails(get(hub), ".locks", "leads out of the cache");
    expect(readdirSync(at)).toEqual(["config.json"]);
    rmSync(join(cacheDir, ".locks"));
    const lock = join(cacheDir, ".locks/models--someone--tiny", `${sha256(big)}.munjang.lock`);
    mkdirSync(dirname(lock), { recursive: true });
    symlinkSync(join(at, "config.json"), lock);
    await fails(get(hub), ".munjang.lock", "is a link");
    expect(readFileSync(join(at, "config.json"), "utf8")).toBe("{}");

    writeFileSync(join(at, "main"), COMMIT);
    rmSync(join(folder(), "refs/main"));
    symlinkSync(join(at, "main"), join(folder(), "refs/main"));
    await fails(get(hub, "config.json"), "refs/main", "leads out of the cache");
    await fails(get(hub, "config.json", { localFilesOnly: true }), "refs/main", "leads out of the cache");
    rmSync(join(folder(), "refs"), { recursive: true });
    symlinkSync(at, join(folder(), "refs"));
    await fails(get(hub, "config.json"), "refs", "leads out of the cache");
    rmSync(at, { recursive: true });
  });

  it.each(["", "1"])("a blob that is a link, and leads out (HF_HUB_DISABLE_SYMLINKS=%s)", async (disabled) => {
    vi.stubEnv("HF_HUB_DISABLE_SYMLINKS", disabled);
    const at = outside();
    const hub = await serve();
    writeFileSync(join(at, "big"), big);
    mkdirSync(join(folder(), "blobs"), { recursive: true });
    symlinkSync(join(at, "big"), blob(big));
    await fails(get(hub), "blobs", "leads out of the cache");
    expect(existsSync(snapshot("big.bin"))).toBe(false);
    expect(hub.cdn.asked.length).toBe(0);
    rmSync(blob(big));
    writeFileSync(join(cacheDir, "kept"), big); // a link that stays inside is followed, its contents checked
    symlinkSync(join(cacheDir, "kept"), blob(big));
    same(await get(hub), big);
    rmSync(at, { recursive: true });
  });

  it("a link in place of the part that has come is not written through", async () => {
    const at = outside();
    const hub = await serve();
    mkdirSync(join(folder(), "blobs"), { recursive: true });
    symlinkSync(join(at, "config.json"), partial(big));
    await fails(get(hub), "cannot be stored");
    expect(readFileSync(join(at, "config.json"), "utf8")).toBe("{}");
    rmSync(at, { recursive: true });
  });
});

describe("a hub on a bad day", () => {
  it("cut connections: each try goes on where the last one ended", async () => {
    const random = randomNumbers(4);
    let sent = 0;
    let cuts = 0;
    const hub = await serve({
      cdn: (asked, response) => {
        if (cuts++ === 4) return;
        const count = Math.floor(Math.abs(random(1)[0] % 1) * 200_000) + 1;
        sent += count;
        cut(asked, response, big, count);
        return true;
      },
    });
    same(await get(hub), big);
    const starts = hub.cdn.asked.map(({ range }) => Number(/\d+/.exec(range ?? "0")?.[0]));
    expect(starts.length).toBe(5);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(starts[4]).toBeGreaterThan(0);
    expect(starts[4]).toBeLessThanOrEqual(sent);
  });

  it("a download that was given up goes on in the next call", async () => {
    let first = true;
    const hub = await serve({
      cdn: (asked, response) => {
        if (!first) return;
        first = false;
        response.writeHead(200, { "content-length": big.length });
        response.write(big.subarray(0, 500_000));
        return asked.path !== "";
      },
    });
    const stop = new AbortController();
    const reason = new Error("no longer wanted");
    const work = get(hub, "big.bin", {
      signal: stop.signal,
      onProgress: ({ loaded }) => loaded > 0 && setTimeout(() => stop.abort(reason), 200),
    });
    await expect(work).rejects.toBe(reason);
    expect(existsSync(snapshot())).toBe(false);
    const had = lstatSync(partial(big)).size;
    expect(had).toBeGreaterThan(0);
    same(await get(hub), big);
    expect(hub.cdn.asked.at(-1)?.range).toBe(`bytes=${had}-`);
    checkSnapshots();
  });

  it.each([
    ["that ignores ranges", { status: 200 }],
    ["that answers 416", { status: 416 }],
    ["that goes on elsewhere", { status: 206 }],
  ])("a server %s: from the start", async (_, { status }) => {
    mkdirSync(join(folder(), "blobs"), { recursive: true });
    writeFileSync(partial(big), big.subarray(0, 1000));
    const hub = await serve({
      cdn: ({ range }, response) => {
        if (range === undefined) return;
        const at = { "content-range": "bytes 5-1199999/1200000", ...RIGHT_AWAY };
        response.writeHead(status, status === 206 ? at : {}).end(status === 200 ? big : undefined);
        return true;
      },
    });
    same(await get(hub), big);
    checkSnapshots();
  });

  it("what had come before was damaged: once more, from the start", async () => {
    mkdirSync(join(folder(), "blobs"), { recursive: true });
    writeFileSync(partial(big), new Uint8Array(1000));
    const hub = await serve();
    same(await get(hub), big);
    expect(hub.cdn.asked.map(({ range }) => range)).toEqual(["bytes=1000-", undefined]);
    writeFileSync(partial(big), new Uint8Array(big.length + 1)); // longer than the file
    rmSync(blob(big));
    same(await get(hub), big);
  });

  it.each<[string, string, (bytes: Uint8Array) => Uint8Array]>([
    ["another byte, large", "big.bin", (bytes) => bytes.map((byte, i) => (i === 777 ? byte ^ 1 : byte))],
    ["another byte, small", "sub/odd # name.txt", (bytes) => bytes.map((byte) => byte ^ 1)],
  ])("a wrong checksum (%s)", async (_, path, change) => {
    const wrong = change(files[path]);
    const trick: Trick = (asked, response) => {
      if (asked.method === "HEAD") return;
      if (path === "big.bin" && asked.path.includes("resolve")) return;
      response.writeHead(200, { "content-length": wrong.length }).end(wrong);
      return true;
    };
    const hub = await serve({ hub: trick, cdn: trick });
    await fails(get(hub, path), path, "checksum", "damaged on the way");
    expect(existsSync(snapshot(path))).toBe(false);
    expect(readdirSync(join(folder(), "blobs"))).toEqual([]);
  });

  it("more bytes than promised", async () => {
    const hub = await serve({ cdn: (_, response) => Boolean(response.end(Buffer.concat([big, big]))) });
    await fails(get(hub), "big.bin", "more than the 1200000 bytes it promised");
    expect(existsSync(snapshot("big.bin"))).toBe(false);
  });

  it("fewer bytes than promised, every time", async () => {
    const hub = await serve({
      cdn: ({ range }, response) => {
        const start = Number(/\d+/.exec(range ?? "0")?.[0]);
        const part = { "content-range": `bytes ${start}-1199999/1200000` };
        response
          .writeHead(start > 0 ? 206 : 200, start > 0 ? part : {})
          .end(start > 0 ? undefined : big.subarray(0, 1000));
        return true;
      },
    });
    await fails(get(hub), "big.bin", "1000 bytes came of 1200000", "tried 6 times");
    expect(existsSync(snapshot("big.bin"))).toBe(false);
  }, 30_000);

  it("a size that is a lie", async () => {
    const hub = await serve({
      hub: (asked, response) => {
        if (asked.method !== "HEAD") return;
        const linked = { "x-linked-etag": `"${sha256(big)}"`, "x-linked-size": "1000", "x-repo-commit": COMMIT };
        response.writeHead(302, { ...linked, location: "http://127.0.0.1:1/" }).end();
        return true;
      },
    });
    await fails(get(hub), "more than the 1000 bytes it promised");
  });

  it.each([429, 500, 503])("%i, then the file", async (status) => {
    const seen = new Set<string>();
    const trick: Trick = ({ method, path }, response) => {
      if (seen.has(method + path)) return;
      seen.add(method + path);
      response.writeHead(status, RIGHT_AWAY).end();
      return true;
    };
    same(await get(await serve({ hub: trick, cdn: trick })), big);
  });

  it("500 for ever", async () => {
    const hub = await serve({ hub: (_, response) => Boolean(response.writeHead(500, RIGHT_AWAY).end()) });
    await fails(get(hub), "the server answered 500", "tried 6 times", 'model = "someone/tiny"');
  });

  it("a server that stalls counts as lost after a while", async () => {
    let stalled = false;
    const hub = await serve({
      cdn: (_, response) => {
        if (stalled) return;
        stalled = true;
        response.writeHead(200, { "content-length": big.length });
        response.write(big.subarray(0, 1000));
        return true;
      },
    });
    vi.stubEnv("HF_HUB_DOWNLOAD_TIMEOUT", "0.2");
    same(await get(hub), big);
  });

  it("HTML in place of the weights, and from a proxy in place of the hub", async () => {
    const page: Trick = (asked, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end(asked.method === "HEAD" ? undefined : "<html>");
      return true;
    };
    await fails(get(await serve({ cdn: page })), "big.bin", "web page in place of the file");
    rmSync(folder(), { recursive: true });
    await fails(get(await serve({ hub: page })), "web page in place of the file");
    await fails(get(await serve({ hub: (_, response) => Boolean(response.end("ok")) })), "X-Repo-Commit", "not a hub");
  });

  it.each<[string, number, string | undefined, string | undefined, string[]]>([
    ["no such model", 401, "RepoNotFound", undefined, ["knows no such model", "HF_TOKEN"]],
    ["no such model", 404, "RepoNotFound", "hf_secret", ["knows no such model", "does not open it"]],
    ["no such revision", 404, "RevisionNotFound", undefined, ['revision = "main"', "is no branch"]],
    ["a gated model", 403, "GatedRepo", "hf_secret", ["403", "accept the model's conditions"]],
    ["a token that is bad", 401, undefined, "hf_secret", ["401", "token that was given"]],
    ["no token", 403, undefined, undefined, ["403", "give a token"]],
  ])("%s (%i %s)", async (_, status, code, token, parts) => {
    const hub = await serve({
      hub: (_asked, response) =>
        Boolean(response.writeHead(status, code === undefined ? {} : { "x-error-code": code }).end()),
    });
    const error = await fails(get(hub, "config.json", { token }), ...parts);
    expect(`${error.message}${error.stack}${JSON.stringify(error)}`).not.toContain("hf_secret");
    expect(hub.asked.length).toBe(1);
  });

  it("a 404 without a word of explanation", async () => {
    const hub = await serve({ hub: (_, response) => Boolean(response.writeHead(404).end()) });
    await fails(get(hub), "knows no such model");
  });

  it.each<[number, string[]]>([
    [404, ["the hub has just described the file", "404", "another revision, or another endpoint"]],
    [403, ["the server answered 403", "the hub had just given this address"]],
  ])("a file that the hub describes and its storage answers with %i", async (status, parts) => {
    const hub = await serve({ cdn: (_, response) => Boolean(response.writeHead(status).end()) });
    const error = await fails(get(hub), "big.bin: url", `${hub.cdn.url}/blob/`, ...parts);
    expect(error.message).not.toMatch(/no such model|token|secret/);
    expect(existsSync(snapshot("big.bin"))).toBe(false);
    // Small files lie on the hub itself.
    const name = "tokenizer_config.json";
    hub.trick = ({ method, path }, response) => {
      if (method === "HEAD" || !path.endsWith(name)) return;
      return Boolean(response.writeHead(404).end());
    };
    await fails(get(hub, name), `${hub.url}/someone/tiny/resolve/`, "the hub has just described the file");
  });

  it("redirects: within the hub the token goes along, to another port it does not, in a circle they end", async () => {
    const hub = await serve();
    const other = await serve();
    hub.trick = ({ path }, response) => {
      const to = path.replace("someone/tiny", "someone/else");
      if (path !== to) response.writeHead(307, { location: to }).end();
      else response.writeHead(307, { location: `${other.url}${path.replace("someone/else", "someone/tiny")}` }).end();
      return true;
    };
    same(await get(hub, "big.bin", { token: "hf_secret" }), big);
    expect(hub.asked.every(({ authorization }) => authorization === "Bearer hf_secret")).toBe(true);
    expect(other.asked.length).toBeGreaterThan(0);
    expect([...other.asked, ...other.cdn.asked].every(({ authorization }) => authorization === undefined)).toBe(true);
    rmSync(folder(), { recursive: true });
    hub.trick = ({ path }, response) => Boolean(response.writeHead(302, { location: path }).end());
    await fails(get(hub), "redirects in a circle");
    hub.trick = (_, response) => Boolean(response.writeHead(302, { location: "file:///etc/passwd" }).end());
    await fails(get(hub), "leads away from the web");
  });

  it("offline and not there", async () => {
    await fails(
      openModel(MODEL, { cacheDir, localFilesOnly: true }).then((s) => s.open("config.json")),
      "not in the cache",
      "localFilesOnly",
    );
    const hub = await serve();
    await get(hub, "tokenizer_config.json");
    await fails(
      SentenceTransformer.load(MODEL, { cacheDir, localFilesOnly: true }),
      "config.json: is missing",
      "offline, from",
    );
  });

  it("nobody there: for a model that is not in the cache, and for a file of one that is", async () => {
    const hub = await serve();
    await get(hub, "config.json");
    const nobody = { endpoint: "http://127.0.0.1:1" };
    await Promise.all([
      fails(
        get(hub, "config.json", { ...nobody, cacheDir: join(cacheDir, "other") }),
        'model = "someone/tiny"',
        "neither a folder nor",
        "cannot be asked",
      ),
      fails(get(hub, "big.bin", nobody), "big.bin: could not be fetched", "HF_HUB_OFFLINE=1"),
    ]);
  }, 30_000);

  it("a cache that cannot be written", async () => {
    const hub = await serve();
    writeFileSync(join(cacheDir, "file"), "");
    await fails(get(hub, "big.bin", { cacheDir: join(cacheDir, "file") }), "cannot be stored in", "HF_HUB_CACHE");
  });
});

describe("several at once", () => {
  it("in one process: each byte once", async () => {
    const hub = await serve();
    const all = await Promise.all(Array.from({ length: 4 }, () => get(hub)));
    for (const one of all) same(one, big);
    expect(hub.cdn.asked.length).toBe(1);
  });

  it("a lock whose holder is gone is taken over", async () => {
    const hub = await serve();
    const lock = join(cacheDir, ".locks/models--someone--tiny", `${sha256(big)}.munjang.lock`);
    mkdirSync(dirname(lock), { recursive: true });
    const { hostname } = await import("node:os");
    writeFileSync(lock, `${hostname()}\n999999999\nx`);
    same(await get(hub), big);
    expect(existsSync(lock)).toBe(false);
  });

  it("a lock of another machine that nobody has touched for long is taken over, a fresh one is waited for", async () => {
    const hub = await serve();
    const lock = join(cacheDir, ".locks/models--someone--tiny", `${sha256(big)}.munjang.lock`);
    mkdirSync(dirname(lock), { recursive: true });
    writeFileSync(lock, "elsewhere\n1\nx");
    await expect(get(hub, "big.bin", { signal: AbortSignal.timeout(300) })).rejects.toMatchObject({
      name: "TimeoutError",
    });
    utimesSync(lock, new Date(), new Date(Date.now() - 60_000));
    same(await get(hub), big);
  });

  it("a lock that is held is waited for, until the signal", async () => {
    const hub = await serve();
    const lock = join(cacheDir, ".locks/models--someone--tiny", `${sha256(big)}.munjang.lock`);
    mkdirSync(dirname(lock), { recursive: true });
    const { hostname } = await import("node:os");
    writeFileSync(lock, `${hostname()}\n${process.pid}\nanother`);
    await expect(get(hub, "big.bin", { signal: AbortSignal.timeout(400) })).rejects.toMatchObject({
      name: "TimeoutError",
    });
    expect(existsSync(lock)).toBe(true);
  });
});

it("the server of these tests names contents as git and the hub do", () => {
  expect(gitBlob(new TextEncoder().encode("hello\n"))).toBe("ce013625030ba8dba906f756967f9e9ca394464a");
  expect(sha256(new Uint8Array())).toBe(createHash("sha256").digest("hex"));
});
