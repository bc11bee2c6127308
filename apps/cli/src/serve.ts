import { Command, InvalidArgumentError, Option } from "commander";
import type { SentenceTransformer } from "munjang";
import { examples } from "./help.ts";
import { loadModel, type ModelFlags, wholeNumber, withModel } from "./model.ts";

interface Flags extends ModelFlags {
  host: string;
  port: number;
  name?: string;
  apiKey?: string;
  corsOrigin?: string[];
  maxBatchTokens?: number;
  maxQueuedTokens?: number;
  maxRequests?: number;
  maxUnread?: number;
  maxClientBatch?: number;
  maxBody?: number;
  bodyTimeout?: number;
  timeout?: number;
  truncate: boolean;
  logLevel: string;
}

export function serveCommand(): Command {
  const command = new Command("serve")
    .description(
      "Serve a model over HTTP: the routes of OpenAI and of text-embeddings-inference, with a page to try them.",
    )
    .option("--host <address>", "where to listen; 0.0.0.0 is everywhere", "127.0.0.1")
    .option("-p, --port <number>", "0 takes a free one", port, 8080)
    .option("--name <name>", "the model's name in answers (default: that of --model)")
    .addOption(new Option("--api-key <keys>", "keys to ask for, with commas between").env("MUNJANG_API_KEY"))
    .option("--cors-origin <origins...>", "pages that may call from a browser; * lets all")
    .option("--max-batch-tokens <n>", "tokens computed together (default: 1024)", wholeNumber)
    .option("--max-queued-tokens <n>", "tokens that may wait; then 429 (default: 65536)", wholeNumber)
    .option("--max-requests <n>", "requests held at once (default: 512)", wholeNumber)
    .option("--max-unread <bytes>", "answers that nobody has read yet; then 429 (default: 256000000)", wholeNumber)
    .option("--max-client-batch <n>", "texts of one /embed (default: 32)", wholeNumber)
    .option("--max-body <bytes>", "largest body (default: 2000000)", wholeNumber)
    .option("--body-timeout <seconds>", "longest time in which a body must come (default: 15)", wholeNumber)
    .option("--timeout <seconds>", "longest time to an answer (default: 30)", wholeNumber)
    .option("--no-truncate", "refuse texts that are too long, where a request does not say otherwise")
    .addOption(
      new Option("--log-level <level>", "JSON lines on standard output")
        .choices(["info", "error", "silent"])
        .default("info"),
    );
  return examples(
    withModel(command),
    [
      "munjang serve --port 8080",
      "MUNJANG_API_KEY=secret munjang serve --host 0.0.0.0 --name munjang --log-level error",
    ],
    "Ctrl-C, or SIGTERM, takes no more requests and finishes those that are held. The page to try it is at /docs. Logs hold no texts.",
  ).action(start);
}

async function start({ apiKey, timeout, bodyTimeout, ...flags }: Flags): Promise<void> {
  // Only here: no other command has to wait for it.
  const { openLog, serve } = await import("munjang-server/node");
  const load = (): Promise<SentenceTransformer> => loadModel(flags);
  const { host, name = flags.model, corsOrigin, maxBatchTokens, maxQueuedTokens, maxRequests, maxClientBatch } = flags;
  const serving = await serve(load, {
    ...{ host, name, maxBatchTokens, maxQueuedTokens, maxRequests, maxClientBatch },
    ...{
      port: flags.port,
      maxUnread: flags.maxUnread,
      maxBody: flags.maxBody,
      truncate: flags.truncate,
      corsOrigins: corsOrigin,
    },
    apiKeys: apiKey?.split(",").map((key) => key.trim()),
    ...{ timeout: milliseconds(timeout), bodyTimeout: milliseconds(bodyTimeout) },
    log: openLog(flags.logLevel),
  });
  process.stderr.write(`munjang: serving ${name} on ${serving.url}; try it at ${serving.url}/docs\n`);
  await signal();
  process.stderr.write("munjang: finishing what is held; once more ends at once\n");
  void signal().then(() => process.exit(130));
  await serving.stop();
  process.exit(); // whatever still holds the process has nothing to do any more
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}

function signal(): Promise<void> {
  return new Promise((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve());
  });
}

function port(text: string): number {
  const value = Number(text);
  if (!/^[0-9]{1,5}$/.test(text) || value > 65_535)
    throw new InvalidArgumentError("it must be a number from 0 to 65535.");
  return value;
}
