/*
 * Clients of the soak, good and bad. Each does one thing and says how it ended; the soak calls them again and again.
 */
import { connect, type Socket } from "node:net";

export interface Target {
  readonly url: string;
  /** Bodies, and what the engine itself answers to them. */
  readonly requests: readonly { readonly body: string; readonly expected: string }[];
}

/** Ends of one call: what is counted. */
export type End = "answered" | "wrong" | "refused" | "failed" | "done";
export type Client = (target: Target, n: number) => Promise<End>;

const HEADERS = { "content-type": "application/json" };
const PATIENCE = 60_000;

/** Asks, and compares every number with the engine's. */
const good: Client = async ({ url, requests }, n) => {
  const { body, expected } = requests[n % requests.length];
  const answer = await fetch(`${url}/embed`, {
    method: "POST",
    headers: HEADERS,
    body,
    signal: AbortSignal.timeout(PATIENCE),
  });
  const text = await answer.text();
  if (answer.status === 200) return text === expected ? "answered" : "wrong";
  return answer.status === 429 && answer.headers.has("retry-after") ? "refused" : "failed";
};

/** Leaves at any moment, before, while, or after it is computed. */
const leaving: Client = async ({ url, requests }, n) => {
  const { body } = requests[n % requests.length];
  const signal = AbortSignal.timeout(1 + ((n * 7) % 120));
  await fetch(`${url}/embed`, { method: "POST", headers: HEADERS, body, signal })
    .then((answer) => answer.text())
    .catch(() => {});
  return "done";
};

/** Connects, does something, and waits for the other side to close; or closes itself after `linger` ms. */
async function over(url: string, linger: number, act: (socket: Socket) => void): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let got = "";
  socket.on("data", (part) => {
    got = (got + part.toString("latin1")).slice(0, 1000);
  });
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const timer = setTimeout(() => socket.destroy(), linger);
  socket.once("connect", () => act(socket));
  await closed;
  clearTimeout(timer);
  return got;
}

const head = (size: string): string => {
  return `POST /embed HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\n${size}\r\n\r\n`;
};
const length = (body: string): string => `content-length: ${Buffer.byteLength(body)}`;

/** Sends a byte now and then, and is told that this takes too long. */
const slow: Client = async ({ url }) => {
  let timer: ReturnType<typeof setInterval> | undefined;
  const got = await over(url, PATIENCE, (socket) => {
    socket.write(head("content-length: 100000"));
    timer = setInterval(() => socket.write(" "), 50);
  });
  clearInterval(timer);
  return got.startsWith("HTTP/1.1 408") ? "done" : "failed";
};

/** Asks for much and reads nothing of it. */
const deaf: Client = async ({ url, requests }, n) => {
  const { body } = requests[n % requests.length];
  await over(url, 2000, (socket) => {
    socket.pause();
    for (let i = 0; i < 20; i++) socket.write(head(length(body)) + body);
  });
  return "done";
};

/** Is cut off in the middle of a body. */
const cut: Client = async ({ url, requests }, n) => {
  const { body } = requests[n % requests.length];
  await over(url, PATIENCE, (socket) => {
    socket.write(head(length(body)) + body.slice(0, 1 + (n % (body.length - 1))), () => socket.destroy());
  });
  return "done";
};

/** Sends without end. */
const huge: Client = async ({ url }, n) => {
  const chunked = n % 2 === 0;
  const part = " ".repeat(65_536);
  const got = await over(url, PATIENCE, (socket) => {
    socket.write(head(chunked ? "transfer-encoding: chunked" : "content-length: 4000000000"));
    const more = (): void => {
      while (!socket.destroyed && socket.write(chunked ? `10000\r\n${part}\r\n` : part));
    };
    socket.on("drain", more);
    more();
  });
  // What is still sent when the connection closes may take the answer with it.
  return got === "" || got.startsWith("HTTP/1.1 413") ? "done" : "failed";
};

const MALFORMED = [
  "{",
  '{"inputs": [1, "둘"]}',
  '{"inputs": null}',
  '{"inputs": [[99999999]]}',
  "\u0000",
  `{"inputs": "${"가".repeat(100_000)}"`,
  "[".repeat(100_000),
  '{"inputs": []}',
  '{"inputs": "하나", "dimensions": -1}',
];

/** Sends what is no request. */
const malformed: Client = async ({ url }, n) => {
  const body = MALFORMED[n % MALFORMED.length];
  const answer = await fetch(`${url}/embed`, { method: "POST", headers: HEADERS, body });
  const { error, error_type } = (await answer.json()) as Record<string, unknown>;
  const told =
    answer.status >= 400 && answer.status < 500 && typeof error === "string" && typeof error_type === "string";
  return told ? "done" : "failed";
};

/** Sends what is not even HTTP. */
const noise: Client = async ({ url }, n) => {
  const got = await over(url, PATIENCE, (socket) => socket.write(`${String.fromCharCode(n % 128).repeat(20)}\r\n\r\n`));
  // Blank lines may stand before a request: it is waited for.
  return got === "" || /^HTTP\/1\.1 40[08]/.test(got) ? "done" : "failed";
};

export const CLIENTS: Readonly<Record<string, Client>> = {
  ...{ good, "good, too": good, leaving, slow, deaf, cut, huge, malformed, noise },
};
