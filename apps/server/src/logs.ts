import { type DestinationStream, type Logger, pino } from "pino";
import type { RequestRecord, ServerOptions } from "./options.ts";
import { standardOutput } from "./standard-output.ts";

/** Options of `createServer` that write a line of JSON for every request: figures and reasons, never a text of a request. */
export function logRequests(log: Logger): Required<Pick<ServerOptions, "onRequest" | "onBreak">> {
  return {
    onRequest({ work, cause, milliseconds, ...record }: RequestRecord) {
      const { lengths: _, ...figures } = work ?? { lengths: undefined };
      const line = {
        ...record,
        ms: tenths(milliseconds),
        ...rounded(figures),
        ...(cause !== undefined && { cause: about(cause) }),
      };
      if (record.status >= 500) log.error(line, "request");
      else log.info(line, "request");
    },
    onBreak: (error) => log.error({ cause: about(error) }, "the model broke; it is loaded again"),
  };
}

/** A log of JSON lines on standard output, or where `to` says. */
export function openLog(level: string, to?: DestinationStream): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, to ?? standardOutput());
}

const tenths = (value: number): number => Math.round(value * 10) / 10;

function rounded(figures: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, typeof value === "number" ? tenths(value) : value]),
  );
}

function about(cause: unknown): { name: string; message: string; stack?: string } {
  if (!(cause instanceof Error)) return { name: typeof cause, message: "" };
  const { name, message, stack } = cause;
  return { name, message, stack };
}
