import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SentenceTransformer } from "../../src/node.ts";
import { openModel, readText } from "../../src/source.ts";
import { type LoadProgress, openUrl } from "../../src/url.ts";
import { randomNumbers } from "../random.ts";
import { tinyFiles } from "../tiny.ts";
import { fails } from "./fails.ts";
import { type Asked, send, serveFiles, type TestServer } from "./server.ts";

const model = tinyFiles();
const big = new Uint8Array(randomNumbers(7)(75_000).buffer); // 300,000 bytes
const files = { ...model, "big.bin": big, empty: new Uint8Array(0), "a b/#%.txt": new TextEncoder().encode("odd") };

const servers: TestServer[] = [];
async function serve(trick?: TestServer["trick"]): Promise<TestServer> {
  const server = await serveFiles(files);
  server.trick = trick;
  servers.push(server);
  return server;
}
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** `toEqual` takes a second for these. */
const same = (a: ArrayBuffer | Uint8Array | undefined, b: Uint8Array): void =>
  expect(a && Buffer.compare(Buffer.from(a as ArrayBuffer), b)).toBe(0);
const at = (server: TestServer, path = "big.bin"): URL => new URL(`${server.url}/model/${path}`);
const read = async (server: TestServer, path = "big.bin", options = {}): Promise<Uint8Array | undefined> => {
  const bytes = await openUrl(path, at(server, path), options);
  return bytes && new Uint8Array(await bytes.slice(0, bytes.byteLength));
};
const RIGHT_AWAY = { "retry-after": "0" };

describe("a model behind a URL", () => {
  it("is read on after the signal for loading has fired", async () => {
    const weights = join(import.meta.dirname, "../../weights/model");
    const paths = readdirSync(weights, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const entries = paths.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(weights, path).split(sep).join("/"), readFileSync(path)] as const;
    });
    const server = await serveFiles(Object.fromEntries(entries));
    servers.push(server);
    for (const input of [
      `${server.url}/model`,
      { files: Object.fromEntries(entries.map(([path]) => [path, at(server, path)])) },
    ]) {
      const control = new AbortController();
      const model = await SentenceTransformer.load(input, { rows: "source", threads: 0, signal: control.signal });
      control.abort(new Error("too late"));
      server.asked.length = 0;
      const [row] = await model.encode(["잠이 옵니다"]);
      expect(row.length).toBe(model.dimension);
      expect(server.asked.length).toBeGreaterThan(0); // or it would prove nothing
      await model.dispose();
    }
  });

  it("waits as long as there is, for who waits without end", async () => {
    const server = await serve();
    for (const timeout of [Number.POSITIVE_INFINITY, 2 ** 40]) same(await read(server, "big.bin", { timeout }), big);
  });

  it("gives the bits of the folder, from a string with or without a slash and from a URL, with ranges and without", async () => {
    const text = "잠이 옵니다";
    const folder = await SentenceTransformer.load({ files: model });
    const expected = await folder.encode(text);
    const server = await serve();
    const noRanges = await serve();
    noRanges.trick = (asked, response) => {
      const bytes = (files as Record<string, Uint8Array>)[asked.path.slice(7)];
      if (bytes !== undefined) send({ ...asked, range: undefined }, response, bytes);
      return bytes !== undefined;
    };
    const inputs = [
      `${server.url}/model/`,
      `${server.url}/model`,
      new URL(`${server.url}/model/`),
      `${noRanges.url}/model/`,
    ];
    for (const input of inputs) {
      const loaded = await SentenceTransformer.load(input);
      expect(await loaded.encode(text)).toEqual(expected);
      expect(loaded.identity).toEqual(folder.identity);
      await loaded.dispose();
    }
    const rows = await SentenceTransformer.load(`${server.url}/model/`, { rows: "source" });
    expect(await rows.encode(text)).toEqual(expected);
    await rows.dispose();
    await folder.dispose();
  });

  it("asks for each part once: header, tensors, and not for their ends again", async () => {
    const server = await serve();
    const bytes = (await openUrl("big.bin", at(server), {}))!;
    expect(bytes.byteLength).toBe(300_000);
    for (const [start, end] of [
      [0, 8],
      [8, 65_536],
      [100_000, 250_000],
      [100_000, 104_096],
      [245_904, 250_000],
    ]) {
      same(await bytes.slice(start, end), big.slice(start, end));
    }
    expect(server.asked.map(({ range }) => range)).toEqual(["bytes=0-65535", "bytes=100000-249999"]);
  });

  it("fetches small files whole, finds odd names, empty files and missing ones", async () => {
    const server = await serve();
    const source = await openModel(`${server.url}/model`);
    expect(await readText(source, "a b/#%.txt")).toBe("odd");
    expect(await readText(source, "empty")).toBe("");
    expect(await source.open("nothing.txt")).toBeUndefined();
    expect(server.asked.filter(({ path }) => path.endsWith("nothing.txt")).length).toBe(1);
    same(await read(server, "config.json"), model["config.json"]);
    await fails(source.open("../secret"), "leads out of the model's folder");
    await fails(source.open("a/../../secret"), "leads out of the model's folder");
  });

  it("the whole file where pages may not see Content-Range", async () => {
    const server = await serve((asked, response) => {
      if (asked.range === undefined) return;
      response.writeHead(206).end(big.subarray(0, 65_536));
      return true;
    });
    same(await read(server), big);
    expect(server.asked.length).toBe(2);
  });

  it("a file that is compressed on its way", async () => {
    const { gzipSync } = await import("node:zlib");
    const text = new TextEncoder().encode("word\n".repeat(30_000));
    const server = await serve((_, response) => {
      const packed = gzipSync(text);
      response.writeHead(200, { "content-encoding": "gzip", "content-length": packed.length }).end(packed);
      return true;
    });
    same(await read(server), text);
  });

  it("reports a download where the server has no ranges", async () => {
    const server = await serve((asked, response) => {
      send({ ...asked, range: undefined }, response, big);
      return true;
    });
    const seen: LoadProgress[] = [];
    await read(server, "big.bin", { onProgress: (progress: LoadProgress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({ file: "big.bin", loaded: 300_000, total: 300_000, phase: "download" });
  });
});

describe("a server on a bad day", () => {
  const once = (trick: NonNullable<TestServer["trick"]>): NonNullable<TestServer["trick"]> => {
    let done = false;
    return (asked, response, raw) => {
      if (done) return;
      done = true;
      return trick(asked, response, raw);
    };
  };

  it.each([408, 429, 500, 502, 503, 504])("%i, then the file", async (status) => {
    const server = await serve(once((_, response) => Boolean(response.writeHead(status, RIGHT_AWAY).end())));
    same(await read(server), big);
  });

  it.each([
    ["seconds", () => "1"],
    ["a date", () => new Date(Date.now() + 2000).toUTCString()],
  ])("429 with Retry-After in %s is waited for", async (_, after) => {
    const server = await serve(
      once((_, response) => Boolean(response.writeHead(429, { "retry-after": after() }).end())),
    );
    const began = Date.now();
    same(await read(server), big);
    expect(Date.now() - began).toBeGreaterThan(900);
  });

  it("429 for an hour is not waited for", async () => {
    const server = await serve((_, response) => Boolean(response.writeHead(429, { "retry-after": "3600" }).end()));
    await fails(read(server), "big.bin", "429", "Retry-After: 3600", "tried 1 times");
  });

  it("500 for ever: six tries", async () => {
    const server = await serve((_, response) => Boolean(response.writeHead(500, RIGHT_AWAY).end()));
    await fails(read(server), "big.bin", "the server answered 500", "tried 6 times");
    expect(server.asked.length).toBe(6);
  });

  it.each([401, 403])("%i names the remedy, at once", async (status) => {
    const server = await serve((_, response) => Boolean(response.writeHead(status).end()));
    await fails(read(server), `the server answered ${status}`, "a signed address");
    expect(server.asked.length).toBe(1);
  });

  it("HTML in place of weights", async () => {
    const server = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<html>Sign in</html>");
      return true;
    });
    await fails(read(server), "big.bin", "web page in place of the file");
  });

  it("cut connections", async () => {
    let asked = 0;
    const server = await serve(({ range }, response) => {
      if (++asked % 2 === 0) return;
      response.writeHead(206, { "content-range": `${range?.replace("=", " ")}/300000`, "content-length": 60_000 });
      response.write(big.subarray(0, 100 * asked), () => response.destroy());
      return true;
    });
    const bytes = (await openUrl("big.bin", at(server), {}))!;
    same(await bytes.slice(70_000, 200_000), big.slice(70_000, 200_000));
    expect(asked).toBe(4);
  });

  it("fewer bytes than promised in an orderly way, more, and nobody there, every time", async () => {
    const promising = (bytes: number): Promise<TestServer> =>
      serve((asked, response) => {
        response.writeHead(206, { "content-range": `${asked.range?.replace("=", " ")}/300000` });
        response.end(big.subarray(0, bytes));
        return true;
      });
    const gone = await serve();
    await gone.close();
    servers.pop();
    // At once, because each of them waits between its tries.
    await Promise.all([
      fails(read(await promising(1000)), "1000 bytes came of 65536", "tried 6 times"),
      fails(read(await promising(100_000)), "100000 bytes came of 65536"),
      fails(read(gone), "could not be fetched from", "ECONNREFUSED"),
    ]);
  }, 30_000);

  it.each<[string, (asked: Asked) => string]>([
    ["another place", () => "bytes 5-65540/300000"],
    ["another length", () => "bytes 0-65000/300000"],
    ["no total", () => "bytes 0-65535/*"],
    ["nonsense", () => "all of it"],
  ])("a range from %s", async (_, range) => {
    const server = await serve((asked, response) => {
      response.writeHead(206, { "content-range": range(asked) }).end(big.subarray(0, 65_536));
      return true;
    });
    await fails(read(server), "big.bin: Content-Range", "others came");
  });

  it.each(["etag", "size", "no ranges any more", "gone"])("a file that changes while it is read: %s", async (what) => {
    const server = await serve();
    const bytes = (await openUrl("big.bin", at(server), {}))!;
    server.trick = (asked, response) => {
      if (what === "etag") send(asked, response, big, { etag: '"another"' });
      else if (what === "size") send(asked, response, big.subarray(0, 290_000), { etag: String(server.asked) });
      else if (what === "gone") response.writeHead(404).end();
      else send({ ...asked, range: undefined }, response, big.subarray(1), { etag: '"another"' });
      return true;
    };
    await fails(Promise.resolve(bytes.slice(100_000, 200_000)), "big.bin", "changed on the server");
  });

  it("a server that stalls: the signal ends it, with its reason", async () => {
    const server = await serve(
      (_, response) => Boolean(response.writeHead(200, { "content-length": 9 }).write("x")) || true,
    );
    const stop = new AbortController();
    const reason = new Error("no longer wanted");
    setTimeout(() => stop.abort(reason), 100);
    await expect(read(server, "big.bin", { signal: stop.signal })).rejects.toBe(reason);
    await expect(SentenceTransformer.load(`${server.url}/model`, { signal: stop.signal })).rejects.toBe(reason);
  });

  it("a signal ends the wait between two tries", async () => {
    const server = await serve((_, response) => Boolean(response.writeHead(503, { "retry-after": "50" }).end()));
    const began = Date.now();
    const work = read(server, "big.bin", { signal: AbortSignal.timeout(200) });
    await expect(work).rejects.toMatchObject({ name: "TimeoutError" });
    expect(Date.now() - began).toBeLessThan(5000);
  });

  it("a server that stalls: after `timeout` it counts as lost, and the next try is made", async () => {
    const server = await serve(
      once((_, response) => Boolean(response.writeHead(200, { "content-length": 9 }).write("x")) || true),
    );
    same(await read(server, "big.bin", { timeout: 150 }), big);
  });

  it("neither a password nor what follows the ? is shown", async () => {
    const server = await serve((_, response) => Boolean(response.writeHead(500, RIGHT_AWAY).end()));
    const error = await fails(openUrl("x", new URL(`${server.url}/x?key=secret`), {}), "could not be fetched");
    expect(error.message).not.toContain("secret");
    const named = await fails(SentenceTransformer.load(server.url.replace("//", "//me:secret@")), "password");
    expect(named.message).not.toContain("secret");
  });

  it("asks for the whole of a file that is not behind http: Chromium calls a part of an extension's file the whole", async () => {
    const asked: RequestInit[] = [];
    vi.stubGlobal("fetch", async (_: URL, init: RequestInit) => {
      asked.push(init);
      const ranged = new Headers(init.headers).has("range");
      return new Response(new Uint8Array(ranged ? big.slice(0, 65536) : big)); // status 200 either way
    });
    try {
      const bytes = await openUrl("big.bin", new URL("chrome-extension://abcdefghijklmnop/big.bin"), {});
      same(await bytes?.slice(0, bytes.byteLength), big);
      expect(asked.length).toBe(1);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});
