import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { RequestRecord, ServerOptions } from "./options.ts";
import type { BatchRecord } from "./queue.ts";
import type { EmbeddingServer } from "./server.ts";

/** Options of `createServer` that keep figures, and what the gauges look at, once it is there. */
export interface Metrics extends Required<Pick<ServerOptions, "metrics" | "onRequest" | "onBatch">> {
  watch(server: EmbeddingServer): void;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const TOKENS = [2, 8, 16, 32, 64, 128, 256, 512];

/** Figures for Prometheus, under the names of text-embeddings-inference where it has them, so that its dashboards do. */
export function promMetrics(): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const registers = [register];
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []): Counter<L> =>
    new Counter({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name, help, buckets, registers });

  const count = counter("te_request_count", "Requests that gave texts to compute, or were refused", ["method"]);
  const success = counter("te_request_success", "Requests answered", ["method"]);
  const failure = counter("te_request_failure", "Requests refused, by reason", ["err"]);
  const truncated = counter("munjang_truncated_texts", "Texts that were cut");
  const embedded = counter("te_embed_count", "Texts computed");
  const tokens = counter("munjang_tokens", "Tokens computed");
  const duration = histogram("te_request_duration", "Seconds from a request to its answer", SECONDS);
  const tokenizing = histogram(
    "te_embed_tokenization_duration",
    "Seconds a request's texts took to become tokens",
    SECONDS,
  );
  const queued = histogram("te_embed_queue_duration", "Seconds a request waited", SECONDS);
  const computing = histogram("te_embed_inference_duration", "Seconds a request was computed", SECONDS);
  const length = histogram("te_request_input_length", "Tokens of a text", TOKENS);
  const batchSize = histogram("te_batch_next_size", "Texts of a batch", [1, 2, 4, 8, 16, 32, 64, 128, 256]);
  const batchTokens = histogram("te_batch_next_tokens", "Tokens of a batch", [...TOKENS, 1024, 2048, 4096]);

  let server: EmbeddingServer | undefined;
  const gauge = (name: string, help: string, value: (of: EmbeddingServer) => number): void => {
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(server === undefined ? 0 : value(server));
      },
    });
  };
  gauge("te_queue_size", "Requests that wait", ({ waiting }) => waiting.requests);
  gauge("munjang_queue_tokens", "Tokens that wait", ({ waiting }) => waiting.tokens);
  gauge("munjang_healthy", "1 where there is a model to compute with", ({ healthy }) => Number(healthy));

  return {
    watch(to) {
      server = to;
    },
    metrics: async () => ({ type: register.contentType, text: await register.metrics() }),
    onRequest({ work, reason, milliseconds }: RequestRecord) {
      if (work !== undefined) {
        const method = work.single ? "single" : "batch";
        count.inc({ method });
        success.inc({ method });
        duration.observe(milliseconds / 1000);
        tokenizing.observe(work.tokenizing / 1000);
        queued.observe(work.queued / 1000);
        computing.observe(work.computing / 1000);
        for (const each of work.lengths) length.observe(each);
        embedded.inc(work.texts);
        tokens.inc(work.tokens);
        truncated.inc(work.truncated);
      } else if (reason !== undefined) {
        count.inc({ method: "refused" });
        failure.inc({ err: reason.replaceAll(" ", "_") });
      }
    },
    onBatch(batch: BatchRecord) {
      batchSize.observe(batch.texts);
      batchTokens.observe(batch.tokens);
    },
  };
}
