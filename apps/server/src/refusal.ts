/** Why a request is not answered with what it asks for, before it is put into the shape of a protocol. */
export type Reason =
  /** Not JSON, or not UTF-8. */
  | "malformed"
  /** A wrong type, a value that cannot be meant. */
  | "invalid"
  /** Nothing to embed. */
  | "empty"
  /** More than a limit allows. */
  | "too large"
  | "unauthorized"
  | "not found"
  | "method"
  | "media type"
  /** The queue is full. */
  | "overloaded"
  /** The body did not come in time. */
  | "slow"
  /** The answer could not be computed in time. */
  | "late"
  /** The server is stopping, or has no model at the moment. */
  | "unavailable"
  /** The model could not compute it. */
  | "backend"
  /** The client has left; nobody reads the answer. */
  | "gone"
  /** A fault of this server. */
  | "internal";

/** Thrown for whatever ends a request; the routes put it into their protocol's shape. Its message never holds a text of the request. */
export class Refusal extends Error {
  readonly reason: Reason;
  /** The field of the request at fault. */
  readonly param: string | undefined;
  /** Seconds after which it is worth another try. */
  readonly retryAfter: number | undefined;

  constructor(reason: Reason, message: string, at: { param?: string; retryAfter?: number; cause?: unknown } = {}) {
    super(message, { cause: at.cause });
    this.name = "Refusal";
    this.reason = reason;
    this.param = at.param;
    this.retryAfter = at.retryAfter;
  }
}

/** HTTP status of every reason; where the protocols differ, that of most. */
export const STATUS: Readonly<Record<Reason, number>> = {
  malformed: 400,
  invalid: 422,
  empty: 400,
  "too large": 413,
  unauthorized: 401,
  "not found": 404,
  method: 405,
  "media type": 415,
  overloaded: 429,
  slow: 408,
  late: 503,
  unavailable: 503,
  backend: 500,
  gone: 499, // as nginx logs it; nobody sees it
  internal: 500,
};

/** Anything thrown as a refusal. What is not one is a fault of this server, whose message stays in the log. */
export function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal("internal", "the server failed on this request; its log says why", { cause: error });
}
