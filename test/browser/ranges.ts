import type { IncomingMessage, ServerResponse } from "node:http";

/** Answers with a file, or the range of it that was asked for. Readers of other origins may see all headers. */
export function sendRange(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  etag: string,
): { start: number; end: number } {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const start = Number(first ?? 0);
  const end = last ? Math.min(Number(last) + 1, bytes.length) : bytes.length;
  response.writeHead(first === undefined ? 200 : 206, {
    "content-type": "application/octet-stream",
    "content-length": end - start,
    etag,
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "content-range, etag",
    ...(first === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` }),
  });
  return { start, end };
}
