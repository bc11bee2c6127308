// The examples of docs/server.md and of `munjang serve --help` run, with another port.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { examplesOf } from "../../cli/test/examples.ts";

const root = join(import.meta.dirname, "../../..");
const main = join(root, "apps/cli/bin/munjang.js");
const page = readFileSync(join(root, "docs/server.md"), "utf8");
const run = promisify(execFile);
const blocks = (language: string): string[] => {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, block]) => block);
};

/** Starts what a line of a shell says, on a free port. */
async function start(line: string): Promise<{ child: ChildProcess; url: string; said: () => string }> {
  const [, settings, args] = /^((?:\w+=\S+ )*)(?:npx )?munjang (serve.*)$/.exec(line) ?? [];
  const env = Object.fromEntries(
    settings
      .split(" ")
      .filter(Boolean)
      .map((setting) => setting.split("=")),
  );
  const words = args
    .replace(/--port \d+/, "")
    .split(" ")
    .filter(Boolean);
  const child = spawn(process.execPath, [main, ...words, "--port", "0"], { env: { ...process.env, ...env } });
  child.stdout.resume();
  let said = "";
  child.stderr.on("data", (part) => (said += part));
  for await (const told of createInterface(child.stderr)) {
    const [, url] = / on (http:\S+);/.exec(told) ?? [];
    if (url !== undefined) return { child, url: url.replace("0.0.0.0", "127.0.0.1"), said: () => said };
  }
  throw new Error(`${line} did not start: ${said}`);
}

describe("munjang serve", () => {
  it("runs as its help says, and ends when it is told to", async () => {
    const { stdout } = await run(process.execPath, [main, "serve", "--help"]);
    const lines = examplesOf(stdout);
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) {
      const { child, url } = await start(line);
      expect((await fetch(`${url}/health`)).status, line).toBe(200);
      expect((await fetch(`${url}/info`)).status, line).toBe(line.includes("API_KEY") ? 401 : 200);
      child.kill("SIGINT");
      expect(await once(child, "exit"), line).toEqual([0, null]);
    }
  });

  it.each([
    [["--port", "70000"], 2, /a number from 0 to 65535/],
    [["--max-requests", "0"], 2, /a whole number from 1 up/],
    [["--timeout", "2147484", "--port", "0"], 1, /timeout = 2147484000: must be at most 2147483647 ms/],
    [["--api-key", ","], 1, /an empty key would let everybody in/],
    [["--model", "/nowhere", "--port", "0"], 1, /nowhere/],
  ])("%j ends with %i and one line", async (args, code, message) => {
    const failed = await run(process.execPath, [main, "serve", ...args]).catch((error) => error);
    expect(failed).toMatchObject({ code });
    expect(failed.stderr).toMatch(message);
    expect(failed.stderr).toMatch(/^munjang: [^\n]*\n$/);
  });

  it.skipIf(!existsSync("/dev/full"))("goes on where its log can be written no more", async () => {
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [main, "serve", "--port", "0"], { stdio: ["ignore", full, "pipe"] });
    const [told] = await once(createInterface(child.stderr as Readable), "line");
    const url = / on (http:\S+);/.exec(told)?.[1];
    for (let n = 0; n < 5; n++) expect((await fetch(`${url}/health`)).status).toBe(200);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    closeSync(full);
  });

  it("ends with one line where the port is in use", async () => {
    const { child, url } = await start("munjang serve");
    const failed = await run(process.execPath, [main, "serve", "--port", new URL(url).port]).catch((error) => error);
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^munjang: cannot listen on .*another program listens there.*\n$/),
    });
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });
});

describe("docs/server.md", () => {
  const folder = join(root, "test-results/server-examples");
  let serving: Awaited<ReturnType<typeof start>>;
  const [first, ...shells] = blocks("sh");
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    serving = await start(first.trim());
  });
  afterAll(async () => {
    serving.child.kill("SIGTERM");
    await once(serving.child, "exit");
    rmSync(folder, { recursive: true });
  });
  const here = (text: string): string => text.replaceAll("http://127.0.0.1:8080", serving.url);

  it.skipIf(process.platform === "win32").each(shells.flatMap((block) => block.trim().split("\n")))(
    "%s",
    async (line) => {
      const { stdout } = await run("sh", ["-c", here(line)]);
      expect(JSON.parse(stdout)).not.toHaveProperty("error");
    },
  );

  it.each(blocks("ts").map((block) => [/from "([^m][^"]*)"/.exec(block)?.[1] ?? "munjang-server", block]))(
    "%s",
    async (name, block) => {
      const file = join(folder, `${name.replace(/\W/g, "-")}.mts`);
      writeFileSync(file, here(block));
      const { stdout } = await run(process.execPath, ["--import", "tsx", file], { cwd: root });
      expect(stdout.trim()).toBe(name === "openai" ? "256" : "1");
    },
  );
});

describe("the page", () => {
  it("asks nobody else for anything", async () => {
    const { child, url } = await start("munjang serve");
    for (const path of ["/docs", "/docs/page.js", "/docs/page.css"]) {
      const answer = await fetch(url + path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-security-policy")).toMatch(/^default-src 'none'; script-src 'self'/);
      expect(await answer.text()).not.toMatch(/(https?:)?\/\/\w/);
    }
    child.kill("SIGTERM");
    await once(child, "exit");
  });

  it("has an example for every route that takes a body, and each is answered", async () => {
    const { child, url } = await start("munjang serve");
    type Body = { content: { "application/json": { schema: { $ref: string } } } };
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { requestBody?: Body; responses: Record<string, unknown> }>>;
      components: { schemas: Record<string, { example?: unknown }> };
    };
    expect(document.openapi).toBe("3.1.0");
    const seen: string[] = [];
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { requestBody, responses }] of Object.entries(methods)) {
        const name = requestBody?.content["application/json"].schema.$ref.split("/").at(-1);
        const example = name && document.components.schemas[name].example;
        if (requestBody !== undefined) expect(example, path).toBeDefined();
        const body = example === undefined ? undefined : JSON.stringify(example);
        const answer = await fetch(url + path, {
          method: method.toUpperCase(),
          headers: { "content-type": "application/json" },
          body,
        });
        expect(answer.status, path).toBe(200);
        expect(responses).toHaveProperty("200");
        seen.push(path);
      }
    }
    expect(seen.sort()).toEqual(
      [
        "/v1/embeddings",
        "/v1/models",
        "/embed",
        "/embed_all",
        "/similarity",
        "/tokenize",
        "/info",
        "/health",
        "/metrics",
      ].sort(),
    );
    child.kill("SIGTERM");
    await once(child, "exit");
  });
});
