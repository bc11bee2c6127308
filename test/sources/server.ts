import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/*
 * Servers that hold a model, on this machine alone: a plain one, and one that speaks as the hub does, with its large files on another
 * port. A test may answer in their place, badly.
 */

export type Files = Readonly<Record<string, Uint8Array>>;

/** What a server was asked. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

/** Answers in the server's place and says so with true. `asked.path` is decoded. */
export type Trick = (request: Asked, response: ServerResponse, raw: IncomingMessage) => boolean | undefined;

export interface TestServer {
  readonly url: string;
  readonly asked: Asked[];
  trick: Trick | undefined;
  close(): Promise<void>;
}

async function listen(
  answer: (asked: Asked, response: ServerResponse, raw: IncomingMessage) => void,
): Promise<TestServer> {
  const asked: Asked[] = [];
  const result: { trick: Trick | undefined } = { trick: undefined };
  const server = createServer((raw, response) => {
    const request = {
      method: raw.method ?? "",
      path: decodeURIComponent((raw.url ?? "").replace(/\?.*/, "")),
      range: raw.headers.range,
      authorization: raw.headers.authorization,
    };
    asked.push(request);
    response.on("error", () => {});
    if (result.trick?.(request, response, raw) !== true) answer(request, response, raw);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(result, { url, asked, close });
}

/** Sends bytes, or the range of them that was asked for. */
export function send(
  { method, range }: Asked,
  response: ServerResponse,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
): void {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  const start = Number(from ?? 0);
  const end = to ? Math.min(Number(to) + 1, bytes.length) : bytes.length;
  if (from !== undefined && start >= bytes.length) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  const part = from === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` };
  response.writeHead(from === undefined ? 200 : 206, {
    "content-type": "application/octet-stream",
    "content-length": end - start,
    "accept-ranges": "bytes",
    ...part,
    ...headers,
  });
  response.end(method === "HEAD" ? undefined : bytes.subarray(start, end));
}

/** Begins to send `bytes` as promised, and cuts the connection after `count` of them. */
export function cut(asked: Asked, response: ServerResponse, bytes: Uint8Array, count: number): void {
  const start = Number(/^bytes=(\d+)-/.exec(asked.range ?? "")?.[1] ?? 0);
  const part =
    asked.range === undefined ? {} : { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(asked.range === undefined ? 200 : 206, { "content-length": bytes.length - start, ...part });
  response.write(bytes.subarray(start, start + count), () => response.destroy());
}

/** Files below `/model/`, with ETags and ranges. */
export function serveFiles(files: Files): Promise<TestServer> {
  return listen((asked, response) => {
    const bytes = asked.path.startsWith("/model/") ? files[asked.path.slice(7)] : undefined;
    if (bytes === undefined) response.writeHead(404, { "content-type": "text/html" }).end("<!doctype html>nothing");
    else send(asked, response, bytes, { etag: `"${sha256(bytes)}"` });
  });
}

export const COMMIT: string = "c0ffee".padEnd(40, "0");
export const MODEL = "someone/tiny";

export interface TestHub extends TestServer {
  /** Where the large files are: another port, so another host. */
  readonly cdn: TestServer;
}

/** `someone/tiny` with these files at the commit `main` names; those of 1000 bytes and more are "large". */
export async function serveHub(files: Files, commit: string = COMMIT): Promise<TestHub> {
  const cdn = await listen((asked, response) => {
    const bytes = Object.values(files).find((file) => asked.path === `/blob/${sha256(file)}`);
    if (bytes === undefined) response.writeHead(404).end();
    else send(asked, response, bytes, { etag: '"an etag of the storage, of no use"' });
  });
  const hub = await listen((asked, response) => {
    const [, model, revision, path] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.*)$/.exec(asked.path) ?? [];
    const fail = (status: number, code: string, headers = {}): void => {
      response.writeHead(status, { "x-error-code": code, ...headers }).end("no");
    };
    if (model !== MODEL) return fail(asked.authorization ? 404 : 401, "RepoNotFound");
    if (revision !== "main" && revision !== commit) return fail(404, "RevisionNotFound");
    const bytes = files[path];
    const named = { "x-repo-commit": commit };
    if (bytes === undefined) return fail(404, "EntryNotFound", named);
    if (bytes.length < 1000) return send(asked, response, bytes, { ...named, etag: `"${gitBlob(bytes)}"` });
    const sha = sha256(bytes);
    const location = `${cdn.url}/blob/${sha}?signature=secret`;
    const linked = { "x-linked-etag": `"${sha}"`, "x-linked-size": `${bytes.length}` };
    response.writeHead(302, { ...named, ...linked, location, etag: '"of the redirect"', "content-length": 5 });
    response.end(asked.method === "HEAD" ? undefined : "moved");
  });
  const { close } = hub;
  // Not a spread: `trick` is set on the very object the server looks at.
  return Object.assign(hub, { cdn, close: () => Promise.all([close(), cdn.close()]).then(() => {}) });
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The name git gives to a file's contents. */
export const gitBlob = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
