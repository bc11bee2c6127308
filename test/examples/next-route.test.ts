import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BackendInfo } from "../../src/node.ts";
import { type Project, root } from "../packaging/packed.ts";
import { EXAMPLES, example, expectedOfNode, missing, node24, run, type Server, start } from "./example.ts";

/* examples/next-route, built and started by Next.js itself on Node 24: the edge runtime is its own, on this machine. */

const absent = missing(node24, join(root, "test/examples/node_modules/next"));

describe.skipIf(absent !== undefined)(`examples/next-route${absent ? ` (${absent})` : ""}`, () => {
  const texts = ["잠이 옵니다", "졸음이 옵니다", "The train is coming, and nobody sleeps."];
  const env = { NEXT_TELEMETRY_DISABLED: "1" };
  let made: Project;
  let server: Server | undefined;
  let expected: number[][];

  beforeAll(async () => {
    const node = await expectedOfNode();
    expected = await node.embed(texts);
    await node.dispose();
    made = example("next-route", { copied: true });
    // `prebuild` and `build`; types are a part of it.
    await run(["npm", "run", "--silent", "build"], made.folder, { path: [join(node24, "..")], env });
    const next = join(made.folder, "node_modules/next/dist/bin/next");
    server = await start([node24, next, "start", "--port", "0", "--hostname", "127.0.0.1"], made.folder, env);
  }, 300_000);
  afterAll(async () => {
    await server?.stop();
    made?.remove();
  });

  const post = (path: string, body: string): Promise<Response> =>
    fetch(`${server?.origin}${path}`, { method: "POST", body });

  it.each([
    ["/api/embed", { name: "wasm", width: 128 }, /^auto: WebAssembly, the same bits everywhere$/],
    ["/api/edge", { name: "wasm", threads: 0, width: 128 }, /wasmModules are for one thread/],
  ] as const)("%s answers with the vectors, bit for bit", async (path, backend, reason) => {
    for (let round = 0; round < 2; round++) {
      const response = await post(path, JSON.stringify({ texts }));
      expect(response.status).toBe(200);
      const answer = (await response.json()) as { backend: BackendInfo; embeddings: number[][] };
      expect(answer.embeddings).toEqual(expected);
      expect(answer.backend).toMatchObject(backend);
      expect(answer.backend.reason).toMatch(reason);
      if (path === "/api/embed") expect(answer.backend.threads).toBeGreaterThan(0);
    }
  });

  it.each(["/api/embed", "/api/edge"])("%s says what a request must be", async (path) => {
    for (const body of ["{", "null", "{}", '{"texts": [1]}', JSON.stringify({ texts: Array(101).fill("가") })]) {
      const response = await post(path, body);
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ error: expect.stringContaining("the body must be") });
    }
  });

  it("is as Next.js would have it: the build has changed nothing of it", () => {
    for (const file of ["package.json", "tsconfig.json", "next.config.ts"]) {
      const text = (folder: string): string => readFileSync(join(folder, file), "utf8");
      expect(text(made.folder)).toBe(text(join(EXAMPLES, "next-route")));
    }
  });

  it("deploys the worker and the model along with the route of Node", () => {
    const trace = join(made.folder, ".next/server/app/api/embed/route.js.nft.json");
    const { files }: { files: string[] } = JSON.parse(readFileSync(trace, "utf8"));
    for (const file of ["munjang/dist/node/node-worker.js", "munjang-mini-ko/model/model.safetensors"]) {
      expect(files.some((path) => path.endsWith(`node_modules/${file}`))).toBe(true);
    }
    expect(existsSync(join(made.folder, "public/model/model.safetensors"))).toBe(true);
  });
});
