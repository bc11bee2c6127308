// A server on a free port of this machine, with the bundled model, and what is needed to look at it from outside.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import { afterAll } from "vitest";
import type { EmbeddingModel, ModelOrLoad } from "../src/index.ts";
import { openLog, type ServeOptions, type Serving, serve } from "../src/node.ts";

export const loadMini = (): Promise<SentenceTransformer> => SentenceTransformer.load(mini, { threads: 1 });

const open: Serving[] = [];
afterAll(async () => {
  await Promise.all(open.map((serving) => serving.stop(0)));
});

export interface Watched extends Serving {
  /** Lines of the log as they were written. */
  readonly lines: string[];
  /** Resolves once so many lines match. */
  logged(pattern: RegExp, times?: number): Promise<void>;
}

/** Serves until the test file is over, or `stop` is called. */
export async function start(options: ServeOptions = {}, model: ModelOrLoad = loadMini): Promise<Watched> {
  const lines: string[] = [];
  let look = (): void => {};
  const log = openLog("info", {
    write(line) {
      lines.push(line);
      look();
    },
  });
  const serving = await serve(model, { port: 0, log, ...options });
  open.push(serving);
  const logged = (pattern: RegExp, times = 1): Promise<void> => {
    return new Promise((resolve) => {
      const before = look;
      look = () => {
        before();
        if (lines.filter((line) => pattern.test(line)).length >= times) resolve();
      };
      look();
    });
  };
  return { ...serving, lines, logged };
}

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const text = typeof body === "string" || body instanceof Uint8Array ? (body as string) : JSON.stringify(body);
  return fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: text });
}

/** Sends bytes as they are and answers with all that comes back until the other side closes. */
export async function raw(url: string, ...parts: (string | Uint8Array)[]): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  const got: Buffer[] = [];
  socket.on("data", (part) => got.push(part));
  socket.on("error", () => {}); // a server that closes on us has answered before
  await once(socket, "connect");
  for (const part of parts) socket.write(part);
  await once(socket, "close");
  return Buffer.concat(got).toString("utf8");
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  return port;
}

/** A promise and how to keep it. */
export function promised<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((keep) => (resolve = keep));
  return { promise, resolve };
}

export const bits = (rows: readonly ArrayLike<number>[]): string[] =>
  rows.map((row) => Buffer.from(Float32Array.from(row).buffer).toString("hex"));

/** A model that computes nothing until it is let; what the server does with it before it listens goes through. */
export async function holding(from = loadMini): Promise<{
  model: EmbeddingModel;
  /** Resolves at the first call that is held. */
  begun: Promise<void>;
  release: () => void;
  /** Calls as they came: texts, and their signal. */
  calls: { texts: number; signal: AbortSignal | undefined }[];
}> {
  const model = await from();
  const [held, begun] = [promised(), promised()];
  const calls: { texts: number; signal: AbortSignal | undefined }[] = [];
  let opened = false;
  const encode = async (input: readonly string[], options: { signal?: AbortSignal } = {}): Promise<unknown> => {
    if (opened) {
      calls.push({ texts: input.length, signal: options.signal });
      begun.resolve();
      await held.promise;
    }
    opened = true;
    return model.encode(input, options);
  };
  const { tokenizer, maxSeqLength, dimension, prompts, identity, backend } = model;
  const facts = { tokenizer, maxSeqLength, dimension, prompts, identity, backend };
  const wrapped = { ...facts, encode, dispose: () => model.dispose() } as unknown as EmbeddingModel;
  return { model: wrapped, begun: begun.promise, release: () => held.resolve(), calls };
}
