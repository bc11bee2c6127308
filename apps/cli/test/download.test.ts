// The hub is a server of the test's own.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMIT, MODEL, serveFiles, serveHub, type TestHub } from "../../../test/sources/server.ts";
import { tinyFiles } from "../../../test/tiny.ts";
import { folder, munjang, refused } from "./run.ts";

const files = tinyFiles();
let hub: TestHub;
beforeAll(async () => {
  hub = await serveHub(files);
});
afterAll(() => hub.close());

test("download: into the cache, its folder on standard output", async () => {
  const cache = join(folder, "cache");
  const result = await munjang(["download", MODEL, "--endpoint", hub.url, "--cache-dir", cache]);
  const snapshot = join(cache, "models--someone--tiny", "snapshots", COMMIT);
  expect(result).toMatchObject({ code: 0, out: `${snapshot}\n` });
  expect(result.err).toMatch(
    /^munjang: someone\/tiny at c0ffee000000: (\d+) files, ([\d.]+ kB), in the cache; \1 fetched now, \2\n$/,
  );
  for (const [path, bytes] of Object.entries(files)) {
    if (existsSync(join(snapshot, path))) expect(readFileSync(join(snapshot, path)).equals(bytes), path).toBe(true);
  }
  expect(existsSync(join(snapshot, "model.safetensors"))).toBe(true);

  // Once more: the hub is asked where the branch stands, and nothing is fetched.
  const asked = hub.asked.length;
  const again = await munjang(["download", MODEL, "--endpoint", hub.url, "--cache-dir", cache]);
  expect(again).toMatchObject({ code: 0, out: `${snapshot}\n` });
  expect(again.err).toMatch(/in the cache; nothing had to be fetched\n$/);
  expect(hub.asked.slice(asked).map(({ path }) => path)).toEqual([`/${MODEL}/resolve/main/modules.json`]);
  await refused(1, /cannot be asked/, ["download", MODEL, "--endpoint", "http://127.0.0.1:1", "--cache-dir", cache]);

  // From then on it is there for every command, offline too.
  const offline = { HF_HUB_OFFLINE: "1" };
  const told = await munjang(["download", MODEL, "--cache-dir", cache], "", offline);
  expect(told).toMatchObject({ code: 0, out: `${snapshot}\n` });
  expect(told.err).toMatch(/in the cache; not compared with the hub \(offline\)\n$/);
  const embedded = await munjang(["embed", "--model", MODEL, "--cache-dir", cache, "rain"], "", offline);
  expect(embedded.code).toBe(0);
  expect((await munjang(["embed", "--model", snapshot, "rain"])).out).toBe(embedded.out);
  expect((await munjang(["tokenize", "--model", MODEL, "--cache-dir", cache, "rain"], "", offline)).code).toBe(0);
  const info = JSON.parse((await munjang(["info", MODEL, "--cache-dir", cache, "--json"], "", offline)).out);
  expect(info).toMatchObject({ model: MODEL, folder: snapshot });
});

test("download: JSON, the standard cache, a commit as revision", async () => {
  const env = { HF_HOME: join(folder, "home"), HF_ENDPOINT: hub.url };
  const { code, out } = await munjang(["download", MODEL, "--json", "--revision", COMMIT], "", env);
  expect(code).toBe(0);
  const about = JSON.parse(out);
  expect(about).toMatchObject({ model: MODEL, revision: COMMIT, commit: COMMIT, offline: false });
  expect(about.fetched).toEqual(about.files.map(({ file }: { file: string }) => file));
  expect(about.folder).toBe(join(folder, "home", "hub", "models--someone--tiny", "snapshots", COMMIT));
  const weights = about.files.find(({ file }: { file: string }) => file === "model.safetensors");
  expect(weights.bytes).toBe(files["model.safetensors"].length);
});

test("download: the token comes from the environment alone, and stands in no output", async () => {
  const token = "hf_secretsecret";
  const env = { HF_TOKEN: token, HF_ENDPOINT: hub.url, HF_HOME: join(folder, "private") };
  hub.asked.length = 0;
  const result = await munjang(["download", MODEL], "", env);
  expect(result.code).toBe(0);
  expect(hub.asked.every(({ authorization }) => authorization === `Bearer ${token}`)).toBe(true);
  const failed = await munjang(["download", "someone/else", "--verbose"], "", env);
  expect(failed).toMatchObject({ code: 1, out: "" });
  expect(failed.err + result.err + result.out).not.toContain(token);
  await refused(2, /unknown option '--token'/, ["download", MODEL, "--token", token]);
});

test("download: what is no model of the hub", async () => {
  await refused(1, /model = "munjang-mini-ko": is not a model of the hub .*load it as it is/, [
    "download",
    "munjang-mini-ko",
  ]);
  await refused(1, /model = ".": is not a model of the hub/, ["download", "."]);
  await refused(1, /cannot be the name of a model on the hub/, ["download", "./folder"]);
  await refused(2, /missing required argument 'model'/, ["download"]);
  await refused(1, /someone\/else/, ["download", "someone/else", "--endpoint", hub.url]);
});

test("a URL is a model too", async () => {
  const server = await serveFiles(files);
  try {
    const { code, out } = await munjang(["info", "--json", `${server.url}/model/`]);
    expect(code).toBe(0);
    const about = JSON.parse(out);
    expect(about.folder).toBeUndefined();
    expect(about.architecture).toMatch(/^SentenceTransformer\(\n {2}\(0\): Transformer\(/);
    expect(about.dtype).toEqual({ stored: ["float32"], computed: "float32" });
  } finally {
    await server.close();
  }
});
