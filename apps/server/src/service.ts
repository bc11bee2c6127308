import type { Computed, Work } from "./batch.ts";
import { readJson } from "./body.ts";
import { type Input, type Reading, readInputs } from "./inputs.ts";
import { type EmbeddingModel, factsOf, type ModelFacts, type ModelOrLoad } from "./model.ts";
import type { Settings, WorkRecord } from "./options.ts";
import { openQueue, type Queue } from "./queue.ts";
import { Refusal } from "./refusal.ts";

/** What a route asks for. */
export interface Asked {
  readonly inputs: readonly Input[];
  readonly single: boolean;
  readonly kind: Work["kind"];
  readonly param: string;
  readonly promptName?: string | null;
  readonly truncate?: boolean | null;
  readonly side?: "left" | "right";
}

export interface Answered {
  readonly rows: readonly Computed[];
  readonly work: WorkRecord;
}

/** What the routes share: a model behind a queue. */
export interface Service {
  readonly settings: Settings;
  readonly model: EmbeddingModel;
  readonly facts: ModelFacts;
  readonly queue: Queue;
  /** Whether requests are taken. */
  readonly open: boolean;
  /** A body as JSON, within the limits. */
  body(request: Request): Promise<unknown>;
  /** The text put before texts. @throws Refusal for a name the model does not know. */
  prompt(name: string | null | undefined): string;
  /** Computes what is asked for; stops where the client leaves, or the time is over. */
  embed(request: Request, asked: Asked): Promise<Answered>;
  /** Takes no more requests, and lets go of the model once the last is answered. */
  close(): Promise<void>;
}

export async function openService(from: ModelOrLoad, settings: Settings): Promise<Service> {
  const load = typeof from === "function" ? from : undefined;
  const model = typeof from === "function" ? await from() : from;
  const facts = await factsOf(model);
  const queue = openQueue(model, load, settings);
  let open = true;

  const prompt = (name: string | null | undefined): string => {
    if (name === undefined || name === null) return facts.defaultPrompt;
    const text = facts.prompts.get(name);
    if (text !== undefined) return text;
    const known = [...facts.prompts.keys()].join(", ");
    throw new Refusal("invalid", `the model has no prompt of this name; its prompts: ${known}`, {
      param: "prompt_name",
    });
  };

  return {
    settings,
    model,
    facts,
    queue,
    get open() {
      return open;
    },
    body: (request) => readJson(request, settings.maxBody, settings.bodyTimeout),
    prompt,
    async embed(request, { inputs, single, kind, param, promptName, truncate, side }) {
      const began = performance.now();
      const how: Reading = { param, prompt: prompt(promptName), truncate: truncate ?? settings.truncate, side };
      const { texts, ...sizes } = readInputs(inputs, model, facts, how);
      const tokenizing = performance.now() - began;
      const apart = facts.promptPooled ? undefined : how.prompt;
      if (request.signal.aborted) throw new Refusal("gone", "the client has left"); // it is never told of an abort that was
      const { done, drop } = queue.add({ texts, kind, prompt: apart });
      const gone = (): void => drop(new Refusal("gone", "the client has left"));
      const late = new Refusal("late", `no answer within ${settings.timeout / 1000} s`, { retryAfter: 1 });
      const timer = setTimeout(() => drop(late), settings.timeout);
      request.signal.addEventListener("abort", gone, { once: true });
      try {
        const { rows, queued, computing } = await done;
        const lengths = texts.map((text) => text.tokens);
        return { rows, work: { single, texts: texts.length, ...sizes, lengths, tokenizing, queued, computing } };
      } finally {
        clearTimeout(timer);
        request.signal.removeEventListener("abort", gone);
      }
    },
    close() {
      open = false;
      return queue.close();
    },
  };
}
