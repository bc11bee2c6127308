import type { BatchRecord } from "./queue.ts";

/** Options of `createServer`. Sizes are bytes, times are ms. */
export interface ServerOptions {
  /** Name of the model in answers. Default: "munjang". */
  readonly name?: string;
  /** One of these must come with every request, as `Authorization: Bearer KEY`. Default: none is asked for. */
  readonly apiKeys?: readonly string[];
  /** Pages of these origins may call; `*` lets all. Default: none but the server's own. */
  readonly corsOrigins?: readonly string[];
  /** Tokens computed together. Default: 1,024. */
  readonly maxBatchTokens?: number;
  /** Tokens that may wait; who comes then is turned away with 429. Default: 65,536. */
  readonly maxQueuedTokens?: number;
  /** Requests held at once, whatever their size, each until its answer has left. Default: 512. */
  readonly maxRequests?: number;
  /** Bytes of answers that have not left; who would add to them then is turned away with 429. Default: 256,000,000. */
  readonly maxUnread?: number;
  /** Texts of one request to the routes of text-embeddings-inference. Default: 32. */
  readonly maxClientBatch?: number;
  /** Bytes of a request's body. Default: 2,000,000. */
  readonly maxBody?: number;
  /** Time in which a body must come. Default: 15,000. */
  readonly bodyTimeout?: number;
  /** Time in which a request must be answered once it is read. Default: 30,000. */
  readonly timeout?: number;
  /** Whether longer texts than the model reads are cut where a request does not say; else refused. Default: true. */
  readonly truncate?: boolean;
  /** What `/metrics` answers. Default: it is not there. */
  readonly metrics?: () => Promise<{ readonly type: string; readonly text: string }>;
  /** Told of every request when it is over. */
  readonly onRequest?: (record: RequestRecord) => void;
  /** Told of every batch. */
  readonly onBatch?: (batch: BatchRecord) => void;
  /** Told of what went wrong with the model. */
  readonly onBreak?: (error: unknown) => void;
}

/** One request, for logs and metrics: figures, never a text. */
export interface RequestRecord {
  /** Also sent as `x-request-id`. */
  readonly id: string;
  readonly method: string;
  /** The route it matched; `*` for none. */
  readonly route: string;
  readonly status: number;
  /** Milliseconds from the first byte known of to the answer. */
  readonly milliseconds: number;
  /** Why it was not answered. */
  readonly reason?: string;
  /** What failed underneath, if something did. */
  readonly cause?: unknown;
  readonly work?: WorkRecord;
}

/** What a request gave to do. Times are ms. */
export interface WorkRecord {
  readonly single: boolean;
  readonly texts: number;
  readonly tokens: number;
  readonly characters: number;
  readonly truncated: number;
  readonly lengths: readonly number[];
  readonly tokenizing: number;
  readonly queued: number;
  readonly computing: number;
}

type Settled =
  | "name"
  | "maxBatchTokens"
  | "maxQueuedTokens"
  | "maxRequests"
  | "maxUnread"
  | "maxClientBatch"
  | "maxBody"
  | "bodyTimeout"
  | "timeout"
  | "truncate";
export type Settings = ServerOptions & Required<Pick<ServerOptions, Settled>>;

const DEFAULTS = {
  name: "munjang",
  maxBatchTokens: 1024,
  maxQueuedTokens: 65_536,
  maxRequests: 512,
  maxUnread: 256_000_000,
  maxClientBatch: 32,
  maxBody: 2_000_000,
  bodyTimeout: 15_000,
  timeout: 30_000,
  truncate: true,
} as const satisfies Required<Pick<ServerOptions, Settled>>;

/** Milliseconds a timer can wait; a longer one would be over at once. */
export const LONGEST_TIME = 2 ** 31 - 1;

/** Options with their defaults. @throws Error naming an option that cannot be meant. */
export function settle(options: ServerOptions): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const settings: Settings = { ...DEFAULTS, ...given };
  for (const name of Object.keys(DEFAULTS) as Settled[]) {
    const value = settings[name];
    if (/timeout$/i.test(name) && Number(value) > LONGEST_TIME) {
      throw new Error(`${name} = ${value}: must be at most ${LONGEST_TIME} ms, which is 24 days`);
    }
    if (typeof value === "number" && !(Number.isSafeInteger(value) && value >= 1)) {
      throw new Error(`${name} = ${value}: must be a whole number from 1 up`);
    }
  }
  if (settings.apiKeys?.length === 0 || settings.apiKeys?.some((key) => key.trim() === "")) {
    throw new Error("apiKeys: an empty key would let everybody in; leave the option out for that");
  }
  return settings;
}
