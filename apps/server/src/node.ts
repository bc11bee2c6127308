import type { EventEmitter } from "node:events";
import {
  createServer as createHttp,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener, type Http2Bindings, type HttpBindings } from "@hono/node-server";
import type { Logger } from "pino";
import { logRequests, openLog } from "./logs.ts";
import { promMetrics } from "./metrics.ts";
import type { ModelOrLoad } from "./model.ts";
import { LONGEST_TIME, type ServerOptions } from "./options.ts";
import { Refusal } from "./refusal.ts";
import { JSON_TYPE } from "./routes.ts";
import { createServer } from "./server.ts";
import { shape } from "./shapes.ts";

export { openLog } from "./logs.ts";

/** Options of `serve`. */
export interface ServeOptions extends Omit<ServerOptions, "metrics" | "onRequest" | "onBatch" | "onBreak"> {
  /** Default: 8080; 0 takes a free one. */
  readonly port?: number;
  /** Default: "127.0.0.1", this machine alone. */
  readonly host?: string;
  /** Where requests are logged. Default: lines of JSON on standard output. */
  readonly log?: Logger;
}

export interface Serving {
  /** `http://127.0.0.1:8080` */
  readonly url: string;
  /**
   * Takes no more requests, finishes those it holds, and lets go of model and port. Connections that are still open after `patience` ms
   * (default 30,000) are cut.
   */
  stop(patience?: number): Promise<void>;
}

/** Serves a model on a port of this machine. @throws Error in plain words where the port cannot be had. */
export async function serve(model: ModelOrLoad, options: ServeOptions = {}): Promise<Serving> {
  const { port = 8080, host = "127.0.0.1", log = openLog("info"), ...rest } = options;
  const http = createHttp({ requireHostHeader: false }); // Node's own refusal is an empty one
  const sent = watchAnswers(http);
  let answer: RequestListener = loading;
  let stopping = false;
  http.on("request", (incoming, outgoing) => {
    if (stopping) outgoing.setHeader("connection", "close");
    // One that was in use when the others were closed.
    outgoing.once("close", () => stopping && setImmediate(() => http.closeIdleConnections()));
    if (incoming.httpVersion === "1.1" && incoming.headers.host === undefined) {
      refuse(incoming, outgoing, new Refusal("malformed", "the header host is missing"));
    } else answer(incoming, outgoing);
  });
  await listen(http, port, host); // before the model is loaded: a port in use is told at once
  try {
    const figures = promMetrics();
    const { onRequest, onBreak } = logRequests(log);
    const server = await createServer(model, {
      ...rest,
      ...{ metrics: figures.metrics, onBatch: figures.onBatch, onBreak },
      onRequest(record) {
        figures.onRequest(record);
        onRequest(record);
      },
    });
    figures.watch(server);
    limitConnections(http, options.bodyTimeout ?? 15_000, options.timeout ?? 30_000, log);
    const fetch = (request: Request, { incoming, outgoing }: HttpBindings | Http2Bindings): Promise<Response> =>
      server.answer(request, sent(incoming.socket, outgoing));
    const errorHandler = (): void => {}; // answered below, where the request is known
    const listener = getRequestListener(fetch, { hostname: "localhost", errorHandler });
    answer = async (incoming, outgoing) => {
      await listener(incoming, outgoing);
      if (outgoing.headersSent || outgoing.destroyed) return;
      refuse(incoming, outgoing, new Refusal("malformed", "the header host or the path cannot be part of an address"));
    };
    const { address, port: taken, family } = http.address() as AddressInfo;
    const url = `http://${family === "IPv6" ? `[${address}]` : address}:${taken}`;
    log.info({ url, model: rest.name ?? "munjang" }, "ready");
    let stopped: Promise<void> | undefined;
    const stop = async (patience = 30_000): Promise<void> => {
      stopping = true;
      log.info({ waiting: server.waiting.requests }, "stopping");
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      http.closeIdleConnections();
      const cut = setTimeout(() => http.closeAllConnections(), patience);
      await Promise.all([server.close(), closed]);
      clearTimeout(cut);
      log.info("stopped");
      await new Promise<void>((resolve) => {
        log.flush(() => resolve());
        setTimeout(resolve, 1000).unref(); // where nobody reads the log any more
      });
    };
    return {
      url,
      stop(patience) {
        stopped ??= stop(patience);
        return stopped;
      },
    };
  } catch (error) {
    http.closeAllConnections();
    http.close();
    throw error;
  }
}

async function listen(http: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    http.once("error", (error: NodeJS.ErrnoException) => {
      const known: Record<string, string> = {
        EADDRINUSE: "another program listens there; choose another port",
        EACCES: "permission denied; ports below 1024 are for root",
        EADDRNOTAVAIL: "this machine has no such address",
        ENOTFOUND: "there is no host of this name",
      };
      const why = known[error.code ?? ""] ?? error.message;
      reject(new Error(`cannot listen on ${host}:${port}: ${why}`, { cause: error }));
    });
    http.listen(port, host, resolve);
  });
}

/** Until the model is there. */
function loading(incoming: IncomingMessage, outgoing: ServerResponse): void {
  refuse(incoming, outgoing, new Refusal("unavailable", "the model is being loaded", { retryAfter: 5 }));
}

/** Answers what does not get as far as the routes, in the shape they would have given it. */
function refuse({ url = "" }: IncomingMessage, outgoing: ServerResponse, refusal: Refusal): void {
  const { status, headers, body } = shape(url.split("?", 1)[0], refusal);
  const text = JSON.stringify(body);
  outgoing.writeHead(status, { ...JSON_TYPE, ...headers, "content-length": Buffer.byteLength(text) });
  outgoing.end(text);
}

/** Tells when an answer has left, or its connection has gone, which answers that wait behind another one are not told by Node. */
function watchAnswers(http: Server): (socket: object, outgoing: EventEmitter) => Promise<void> {
  const waiting = new WeakMap<object, Set<() => void>>();
  http.on("connection", (socket) => {
    const here = new Set<() => void>();
    waiting.set(socket, here);
    socket.once("close", () => {
      for (const over of here) over();
    });
  });
  return (socket, outgoing) =>
    new Promise((resolve) => {
      const here = waiting.get(socket);
      here?.add(resolve);
      outgoing.once("close", () => {
        here?.delete(resolve);
        resolve();
      });
    });
}

/** Limits of connections: who sends nothing, or reads nothing, does not stay. */
function limitConnections(http: Server, body: number, answer: number, log: Logger): void {
  const SLACK = 5000;
  http.headersTimeout = body;
  http.requestTimeout = body + SLACK; // the server itself answers a slow body before
  http.keepAliveTimeout = 65_000; // longer than the balancers before it, which must be the ones to close
  // Of a socket without traffic: one that waits for its answer, or does not read it.
  http.setTimeout(Math.min(body + answer + SLACK, LONGEST_TIME), (socket: Socket) => socket.destroy());
  http.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    log.debug({ code: error.code }, "not HTTP");
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    const status = CLIENT_ERRORS[error.code ?? ""] ?? "400 Bad Request";
    const message = JSON.stringify({ error: status.slice(4), error_type: "Validation" });
    const head = `content-type: application/json\r\ncontent-length: ${message.length}\r\nconnection: close`;
    socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${message}`);
  });
}

const CLIENT_ERRORS: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};
