import { type Reason, type Refusal, STATUS } from "./refusal.ts";

/** What the shape of an error is made of. */
export interface Shaped {
  readonly reason: Reason;
  readonly message: string;
  readonly param?: string;
}

export const isOpenAi = (path: string): boolean => /^\/(v1(\/|$)|embeddings$)/.test(path);

const INVALID = "invalid_request_error";
const CODES: Partial<Record<Reason, readonly [type: string, code: string | null]>> = {
  unauthorized: [INVALID, "invalid_api_key"],
  overloaded: ["requests", "rate_limit_exceeded"],
  slow: [INVALID, "request_timeout"],
  late: ["server_error", "timeout"],
  unavailable: ["server_error", "unavailable"],
  backend: ["server_error", "backend"],
  internal: ["server_error", null],
};

/** An error as OpenAI's clients read it. */
export function openAiError({ reason, message, param }: Shaped): { status: number; body: object } {
  const [type, code] = CODES[reason] ?? [INVALID, null];
  return {
    status: reason === "invalid" ? 400 : STATUS[reason],
    body: { error: { message, type, param: param ?? null, code } },
  };
}

const TYPES: Partial<Record<Reason, string>> = {
  empty: "Empty",
  overloaded: "Overloaded",
  late: "Overloaded",
  unavailable: "Unhealthy",
  backend: "Backend",
  internal: "Backend",
  unauthorized: "Unauthorized",
};

/** An error as clients of text-embeddings-inference read it. */
export function teiError({ reason, message }: Shaped): { status: number; body: object } {
  const body = { error: message, error_type: TYPES[reason] ?? "Validation" };
  return { status: reason === "backend" ? 424 : STATUS[reason], body };
}

/** A refusal in the shape of the protocol that is spoken at a path. */
export function shape(
  path: string,
  refusal: Refusal,
): { status: number; headers: Record<string, string>; body: object } {
  const { status, body } = isOpenAi(path) ? openAiError(refusal) : teiError(refusal);
  const headers = {
    ...(refusal.retryAfter !== undefined && { "retry-after": `${refusal.retryAfter}` }),
    ...(refusal.reason === "unauthorized" && { "www-authenticate": "Bearer" }),
  };
  return { status, headers, body };
}
