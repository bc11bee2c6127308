import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { cors } from "hono/cors";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { openHeld } from "./held.ts";
import { keyCheck } from "./keys.ts";
import type { ModelOrLoad } from "./model.ts";
import { addOpenAi } from "./openai.ts";
import { type RequestRecord, type ServerOptions, type Settings, settle } from "./options.ts";
import { PAGE, SCRIPT, STYLE } from "./page.ts";
import { asRefusal, Refusal } from "./refusal.ts";
import type { App, Env } from "./routes.ts";
import { openService, type Service } from "./service.ts";
import { shape } from "./shapes.ts";
import { addTei } from "./tei.ts";

/** A server of embeddings without a socket: for `Deno.serve`, `Bun.serve`, a Worker's `fetch`, or `munjang-server/node`. */
export interface EmbeddingServer {
  /** Answers one request. It never rejects. */
  fetch(request: Request): Promise<Response>;
  /**
   * As `fetch`, for who knows when an answer has left: the request counts as held, and its answer's bytes as unread, until `sent` settles.
   */
  answer(request: Request, sent: Promise<unknown>): Promise<Response>;
  /** Requests that wait for a batch, and their tokens. */
  readonly waiting: { readonly requests: number; readonly tokens: number };
  /** Whether there is a model to compute with. */
  readonly healthy: boolean;
  /** Turns new requests away with 503, finishes those it holds, and lets go of the model. */
  close(): Promise<void>;
}

const DOCUMENT = ["/openapi.json", "/api-doc/openapi.json"];
/** Everybody may ask these: who watches a server has no key, and there is no text in them. */
const OPEN = new Set(["/", "/health", "/ping", "/metrics", "/docs", "/docs/page.js", "/docs/page.css", ...DOCUMENT]);
/** Answered while the server stops, too. */
const WATCHED = new Set(["/health", "/ping", "/metrics"]);

/**
 * Serves a model: OpenAI's `/v1/embeddings`, the routes of text-embeddings-inference, `/docs` to try them. With a function that loads the
 * model, it is loaded again after one of its workers has died, and no request is lost.
 *
 * @throws Error for an option that cannot be meant; whatever loading throws.
 * @example
 * const server = await createServer(() => SentenceTransformer.load("munjang-mini-ko"));
 * Deno.serve(server.fetch);
 */
export async function createServer(model: ModelOrLoad, options: ServerOptions = {}): Promise<EmbeddingServer> {
  const settings = settle(options);
  const service = await openService(model, settings);
  const app = routesOf(service, settings);
  return {
    fetch: async (request) => app.fetch(request, {}),
    answer: async (request, sent) => app.fetch(request, { sent: sent.catch(() => {}) }),
    get waiting() {
      return service.queue.waiting;
    },
    get healthy() {
      return service.queue.healthy;
    },
    close: () => service.close(),
  };
}

function routesOf(service: Service, settings: Settings): App {
  const app: App = new OpenAPIHono<Env>();
  const { apiKeys, corsOrigins, maxRequests, maxUnread, onRequest } = settings;
  const held = openHeld(maxUnread);

  app.use(async (c, next) => {
    const began = performance.now();
    const id = crypto.randomUUID();
    c.header("x-request-id", id);
    const holding = held.add();
    c.set("holding", holding);
    try {
      await next();
    } finally {
      if (c.env.sent === undefined) holding.end();
      else void c.env.sent.then(holding.end);
      const route = methods.has(c.req.path) ? c.req.path : "*"; // what else is asked for is no business of logs
      onRequest?.(recordOf(c, id, route, performance.now() - began));
    }
  });
  if (corsOrigins !== undefined) {
    const origin = corsOrigins.includes("*") ? "*" : [...corsOrigins];
    app.use(cors({ origin, exposeHeaders: ["retry-after", "x-request-id", "x-truncated"], maxAge: 600 }));
  }
  if (apiKeys !== undefined) {
    const known = keyCheck(apiKeys);
    app.use(async (c, next) => {
      const open = /^(GET|HEAD)$/.test(c.req.method) && OPEN.has(c.req.path);
      if (!open && !(await known(c.req.raw.headers.get("authorization")))) {
        throw new Refusal("unauthorized", "this server asks for a key: send the header authorization: Bearer KEY");
      }
      await next();
    });
  }
  app.use(async (c, next) => {
    if (!service.open && !WATCHED.has(c.req.path)) {
      throw new Refusal("unavailable", "the server is stopping", { retryAfter: 1 });
    }
    const full = held.requests > maxRequests || held.bytes >= maxUnread;
    if (full && c.req.method === "POST") throw service.queue.overloaded();
    await next();
  });

  addOpenAi(app, service);
  addTei(app, service);
  addDocument(app);
  const methods = methodsOf(app);
  app.notFound((c) => {
    const path = c.req.path;
    const allowed = methods.get(path);
    if (allowed === undefined)
      return refused(c, new Refusal("not found", "there is no such route; GET /docs shows which there are"));
    c.header("allow", allowed);
    return refused(c, new Refusal("method", `this route takes ${allowed} only`));
  });
  app.onError((error, c) => {
    const refusal = asRefusal(error);
    return refused(c, refusal);
  });
  return app;
}

/** A refusal in the shape of the protocol that was spoken. */
function refused(c: Context<Env>, refusal: Refusal): Response {
  const { status, headers, body } = shape(c.req.path, refusal);
  c.set("refusal", refusal);
  return c.json(body, status as ContentfulStatusCode, headers);
}

function recordOf(c: Context<Env>, id: string, route: string, milliseconds: number): RequestRecord {
  const refusal = c.get("refusal");
  return {
    ...{ id, method: c.req.method, route, milliseconds, status: refusal?.reason === "gone" ? 499 : c.res.status },
    reason: refusal?.reason,
    cause: refusal?.cause,
    work: c.get("work"),
  };
}

function addDocument(app: App): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "key", { type: "http", scheme: "bearer" });
  const info = { title: "munjang", version: "1", description: "Sentence embeddings." };
  const document = app.getOpenAPI31Document({ openapi: "3.1.0", info, security: [{ key: [] }, {}] });
  for (const path of DOCUMENT) app.get(path, (c) => c.json(document));
  // The page's own files alone: it works without a network, and nothing else runs in it.
  const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'";
  const files = [
    ["/docs", "text/html", PAGE],
    ["/docs/page.js", "text/javascript", SCRIPT],
    ["/docs/page.css", "text/css", STYLE],
  ] as const;
  for (const [path, type, text] of files) {
    const headers = { "content-type": `${type}; charset=utf-8`, "content-security-policy": policy };
    app.get(path, (c) => c.body(text, 200, headers));
  }
  app.get("/", (c) => c.redirect("/docs"));
}

/** The methods of every path, for who comes with another. */
function methodsOf(app: App): Map<string, string> {
  const methods = new Map<string, string>();
  for (const { method, path } of app.routes) {
    if (method === "ALL") continue;
    methods.set(path, [...new Set([...(methods.get(path)?.split(", ") ?? []), method])].join(", "));
  }
  return methods;
}
