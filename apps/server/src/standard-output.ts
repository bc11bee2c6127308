import { write } from "node:fs";
import type { DestinationStream } from "pino";

/** Bytes of lines that wait while nobody reads; those beyond are lost. */
const MOST = 1_000_000;

/**
 * Standard output for a log. Requests never wait for it: lines that cannot be written, to a full disk for one, are lost, and later ones are tried
 * again. (pino's own stream tries for ever as the process ends.)
 */
export function standardOutput(): DestinationStream & { flush(done: () => void): void } {
  let waiting: Buffer[] = [];
  let size = 0;
  let writing = false;
  let idle: (() => void)[] = [];

  const next = (): void => {
    if (writing) return;
    if (waiting.length === 0) {
      for (const done of idle) done();
      idle = [];
      return;
    }
    writing = true;
    const lines = Buffer.concat(waiting);
    waiting = [];
    size = 0;
    send(lines);
  };
  const send = (lines: Buffer): void => {
    write(1, lines, (error, written) => {
      if (error?.code === "EAGAIN") return void setTimeout(send, 10, lines); // a pipe that is full
      if (error === null && written < lines.length) return send(lines.subarray(written));
      writing = false;
      next();
    });
  };
  return {
    write(line) {
      if (size > MOST) return;
      waiting.push(Buffer.from(line));
      size += line.length;
      next();
    },
    flush(done) {
      idle.push(done);
      next();
    },
  };
}
