import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SentenceTransformer } from "../../src/node.ts";
import { randomNumbers } from "../random.ts";
import { COMMIT, type Files, MODEL, serveHub, sha256, type TestHub, type Trick } from "../sources/server.ts";
import { tinyFiles } from "../tiny.ts";

/* The hub's cache with several processes: killed ones, ones at the same time, and Python's. */

const model = tinyFiles();
const big = new Uint8Array(randomNumbers(11)(1_600_000).buffer); // 6,400,000 bytes
const files: Files = { ...model, "big.bin": big };
const SUM = sha256(big);

let cache: string;
let hub: TestHub;
const children = new Set<ChildProcess>();
beforeEach(async () => {
  cache = mkdtempSync(join(tmpdir(), "munjang-cache-"));
  hub = await serveHub(files);
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await hub.close();
  rmSync(cache, { recursive: true, force: true });
});

const folder = (): string => join(cache, "models--someone--tiny");
const snapshot = (path: string): string => join(folder(), "snapshots", COMMIT, path);
const partial = (): string => join(folder(), "blobs", `${SUM}.munjang.incomplete`);

interface Child {
  readonly process: ChildProcess;
  /** What it printed, once it has ended. */
  readonly output: Promise<string>;
}

function start(paths: readonly string[] = ["big.bin"], env: Record<string, string> = {}): Child {
  const script = join(import.meta.dirname, "sources-child.ts");
  const child = spawn(process.execPath, ["--import", "tsx", script, MODEL, ...paths], {
    env: { ...process.env, HF_ENDPOINT: hub.url, HF_HUB_CACHE: cache, HF_TOKEN: "", HF_HUB_OFFLINE: "", ...env },
    cwd: join(import.meta.dirname, "../.."), // where tsx is found
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (text += part));
  const output = new Promise<string>((resolve) => {
    child.on("close", () => {
      children.delete(child);
      resolve(text);
    });
  });
  return { process: child, output };
}
/** What can be seen under snapshots is whole, at any moment. */
function checkVisible(): void {
  const at = join(folder(), "snapshots");
  if (!existsSync(at)) return;
  for (const entry of readdirSync(at, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const file = join(entry.parentPath, entry.name);
    const path = file.slice(join(at, COMMIT).length + 1);
    expect(sha256(readFileSync(file)), path).toBe(sha256(files[path]));
  }
}

/** Sends the large file slowly, and says how much of it has gone out. */
function slow(sent: (bytes: number) => void, step = 1 << 16): Trick {
  return ({ path, range }, response) => {
    if (!path.endsWith(SUM)) return;
    const from = Number(/\d+/.exec(range ?? "0")?.[0]);
    const part = { "content-range": `bytes ${from}-${big.length - 1}/${big.length}` };
    response.writeHead(from > 0 ? 206 : 200, { "content-length": big.length - from, ...(from > 0 ? part : {}) });
    let at = from;
    const next = (): void => {
      if (response.destroyed) return;
      response.write(big.subarray(at, at + step));
      at = Math.min(at + step, big.length);
      sent(at - from);
      if (at < big.length) setTimeout(next, 4);
      else response.end();
    };
    next();
    return true;
  };
}

describe("killed and resumed", () => {
  it.each([0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1])("after %f of the bytes", async (share) => {
    const first = start();
    hub.cdn.trick = slow((sent) => {
      // Behind what was sent the child writes; at the end it verifies and renames.
      if (sent >= share * big.length) setTimeout(() => first.process.kill("SIGKILL"), 10 * Math.random());
    });
    const ended = await first.output;
    checkVisible();
    const whole = existsSync(snapshot("big.bin"));
    if (share < 0.9) expect([whole, ended]).toEqual([false, ""]);
    const had = existsSync(partial()) ? statSync(partial()).size : 0;

    let fetched = 0;
    hub.cdn.trick = slow((sent) => {
      fetched = sent;
    }, 1 << 20);
    expect(await start().output).toBe(`big.bin ${SUM}\n`);
    expect(fetched).toBe(whole ? 0 : big.length - had);
    expect(sha256(readFileSync(snapshot("big.bin")))).toBe(SUM);
    expect(readdirSync(join(folder(), "blobs"))).toEqual([SUM]);
  });

  it("again and again: in the end every byte has been fetched once", async () => {
    let fetched = 0;
    for (let round = 0; ; round++) {
      expect(round).toBeLessThan(30);
      const child = start();
      const had = existsSync(partial()) ? statSync(partial()).size : 0;
      hub.cdn.trick = slow((sent) => {
        if (sent > 1_000_000) child.process.kill("SIGKILL");
      });
      const output = await child.output;
      checkVisible();
      fetched += (existsSync(partial()) ? statSync(partial()).size : big.length) - had;
      if (output !== "") {
        expect(output).toBe(`big.bin ${SUM}\n`);
        break;
      }
    }
    expect(fetched).toBe(big.length);
  });
});

describe("several processes", () => {
  it("two at once on an empty cache: both have the file, one has fetched it", async () => {
    hub.cdn.trick = slow(checkVisible, 1 << 17);
    const paths = ["config.json", "big.bin", "model.safetensors", "nothing.json"];
    const outputs = await Promise.all([start(paths).output, start(paths).output]);
    const expected = paths.map((path) => `${path} ${files[path] === undefined ? "absent" : sha256(files[path])}\n`);
    expect(outputs).toEqual([expected.join(""), expected.join("")]);
    expect(hub.cdn.asked.filter(({ path }) => path.endsWith(SUM)).length).toBe(1);
    expect(readdirSync(join(folder(), "blobs")).filter((name) => name.includes("."))).toEqual([]);
  });

  it("the first one is killed while the second waits: the second goes on", async () => {
    const first = start();
    const began = new Promise<void>((resolve) => {
      hub.cdn.trick = slow((sent) => sent > 1_000_000 && resolve());
    });
    await began;
    const second = start();
    await new Promise((resolve) => setTimeout(resolve, 150));
    first.process.kill("SIGKILL");
    expect(await second.output).toBe(`big.bin ${SUM}\n`);
    const ranges = hub.cdn.asked.map(({ range }) => Number(/\d+/.exec(range ?? "0")?.[0]));
    expect(ranges.length).toBe(2);
    expect(ranges[1]).toBeGreaterThan(500_000);
  });

  it("four at once without links, and without a lock that holds", async () => {
    hub.cdn.trick = slow(() => {
      // Whoever removes locks costs traffic, not bytes.
      rmSync(join(cache, ".locks"), { recursive: true, force: true });
    }, 1 << 17);
    const env = { HF_HUB_DISABLE_SYMLINKS: "1" };
    const all = await Promise.all([0, 1, 2, 3].map(() => start(["big.bin"], env).output));
    for (const output of all) expect(output).toBe(`big.bin ${SUM}\n`);
    expect(lstatSync(snapshot("big.bin")).isFile()).toBe(true);
    checkVisible();
  });
});

const python = process.env.MUNJANG_PYTHON;
if (python === undefined)
  console.warn("skipped: Python's huggingface_hub (set MUNJANG_PYTHON to a python that has it)");

describe.skipIf(python === undefined)("Python's huggingface_hub", () => {
  const run = (script: string, env: Record<string, string> = {}): unknown =>
    JSON.parse(
      execFileSync(python ?? "", ["-c", script], {
        encoding: "utf8",
        env: { ...process.env, HF_HUB_CACHE: cache, HF_HUB_OFFLINE: "1", HF_HUB_DISABLE_TELEMETRY: "1", ...env },
      }),
    );
  /** Python beside this process's own server: not `execFileSync`, which would keep it from answering. */
  const runOnline = async (script: string): Promise<unknown> => {
    const child = spawn(python ?? "", ["-c", script], {
      env: { ...process.env, HF_HUB_CACHE: cache, HF_HUB_OFFLINE: "", HF_ENDPOINT: hub.url, HF_HUB_DISABLE_XET: "1" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.add(child);
    let text = "";
    child.stdout.on("data", (part) => (text += part));
    await new Promise((resolve) => child.on("close", resolve));
    children.delete(child);
    return JSON.parse(text);
  };

  it.each(["", "1"])("reads what munjang has downloaded (HF_HUB_DISABLE_SYMLINKS=%s)", async (disabled) => {
    const paths = [...Object.keys(files), "nothing.json"];
    const before = await start(paths, { HF_HUB_DISABLE_SYMLINKS: disabled }).output;
    expect(before.split("\n").length).toBe(paths.length + 1);
    const found = run(`
import json, hashlib, os
from huggingface_hub import try_to_load_from_cache, snapshot_download, hf_hub_download, scan_cache_dir, _CACHED_NO_EXIST
folder = snapshot_download("${MODEL}", local_files_only=True)
sums = {}
for at, _, names in os.walk(folder):
    for name in names:
        path = os.path.join(at, name)
        sums[os.path.relpath(path, folder)] = hashlib.sha256(open(path, "rb").read()).hexdigest()
print(json.dumps({
    "commit": os.path.basename(folder),
    "sums": sums,
    "same": hf_hub_download("${MODEL}", "big.bin") == try_to_load_from_cache("${MODEL}", "big.bin"),
    "absent": try_to_load_from_cache("${MODEL}", "nothing.json") is _CACHED_NO_EXIST,
    "warnings": [str(w) for w in scan_cache_dir().warnings],
    "repos": [r.repo_id for r in scan_cache_dir().repos],
}))`);
    expect(found).toEqual({
      commit: COMMIT,
      sums: Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, sha256(bytes)])),
      same: true,
      absent: true,
      warnings: [],
      repos: [MODEL],
    });
  });

  it("has downloaded what munjang reads, without a network and without fetching anything again", async () => {
    const names = JSON.stringify([...Object.keys(files), "added_tokens.json", "special_tokens_map.json", "vocab.txt"]);
    const done = await runOnline(`
import json
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError
count = 0
for name in ${names}:
    try:
        hf_hub_download("${MODEL}", name)
        count += 1
    except EntryNotFoundError:
        pass
print(json.dumps(count))`);
    expect(done).toBe(Object.keys(files).length);
    const asked = hub.cdn.asked.length;
    const options = { cacheDir: cache, endpoint: hub.url };
    await (await SentenceTransformer.load(MODEL, { ...options, localFilesOnly: true })).dispose();
    await (await SentenceTransformer.load(MODEL, options)).dispose();
    expect(hub.cdn.asked.length).toBe(asked);
  });

  it("and munjang at the same time: both have the file", async () => {
    hub.cdn.trick = slow(checkVisible, 1 << 17);
    const script = `
import json, hashlib
from huggingface_hub import hf_hub_download
print(json.dumps(hashlib.sha256(open(hf_hub_download("${MODEL}", "big.bin"), "rb").read()).hexdigest()))`;
    const [theirs, ours] = await Promise.all([runOnline(script), start().output]);
    expect([theirs, ours]).toEqual([SUM, `big.bin ${SUM}\n`]);
    checkVisible();
  });
});
