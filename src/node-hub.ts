import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { env } from "node:process";
import { checkFields } from "./base/door.ts";
import { ModelError } from "./base/errors.ts";
import { COMMIT, HubCache } from "./node-cache.ts";
import { downloadFile } from "./node-download.ts";
import { openFile } from "./node-files.ts";
import { askFacts, type Facts, type HubModel } from "./node-hub-requests.ts";
import { type ModelSource, openedOnce, type SourceOptions } from "./source.ts";

/**
 * A model of the hub by its name, `owner/name`: from the cache that Python shares, and what is missing there by download into it, file by
 * file as they are asked for. A model that has been loaded once is loaded again without a question to the hub: a branch stands for the
 * commit it stood for then, so vectors do not change between two days.
 */
export async function openHub(id: string, options: SourceOptions): Promise<ModelSource> {
  checkId(id);
  checkFields(options, { revision: "string", cacheDir: "string", token: "string", endpoint: "string" });
  const revision = options.revision ?? "main";
  checkRevision(revision);
  const root = options.cacheDir === undefined ? defaultCache() : resolve(options.cacheDir);
  const cache = new HubCache(root, id, !isTrue(env.HF_HUB_DISABLE_SYMLINKS));
  const offline = isOffline(options);
  const model: HubModel = {
    id,
    endpoint: endpointOf(options.endpoint ?? (env.HF_ENDPOINT || "https://huggingface.co")),
    token: tokenOf(options.token ?? env.HF_TOKEN),
    patience: { signal: options.signal, onProgress: options.onProgress, timeout: options.timeout ?? timeoutOf() },
  };
  /** Answers that came while the commit was looked up. */
  const known = new Map<string, Facts | undefined>();

  async function findCommit(): Promise<string> {
    const again = options.refresh === true && !offline;
    const commit = COMMIT.test(revision) ? revision : again ? undefined : await cache.readRef(revision);
    if (commit !== undefined && (!offline || (await cache.hasSnapshot(commit)))) return commit;
    if (offline) {
      const problem = `${NO_FOLDER}, its revision ${revision} is not in the cache, ${root}, and nothing is fetched (localFilesOnly, HF_HUB_OFFLINE)`;
      throw new ModelError(problem, { field: "model", value: id });
    }
    // One of the two is in every model, and a hub says the commit even where a file is not there.
    for (const path of ["modules.json", "config.json"]) {
      const facts = await askFacts(model, revision, path).catch((error: Error) => {
        if (error.cause === undefined) throw error;
        const problem = `${NO_FOLDER}, it is not in the cache, ${root}, and ${model.endpoint} cannot be asked: ${error.message}`;
        throw new ModelError(problem, { field: "model", value: id, cause: error.cause });
      });
      if (facts.commit === undefined) continue;
      known.set(path, facts.etag === undefined ? undefined : facts);
      await cache.writeRef(revision, facts.commit).catch(() => {}); // whether the cache can be written shows with the first file
      return facts.commit;
    }
    throw new ModelError(`has neither modules.json nor config.json on ${model.endpoint}`, {
      field: "model",
      value: id,
    });
  }

  const at = await findCommit();
  async function open(path: string): ReturnType<ModelSource["open"]> {
    let found = await cache.find(at, path);
    if (found === undefined && !offline) {
      const facts = known.has(path) ? known.get(path) : await factsAt(path);
      if (facts === undefined) {
        await cache.rememberAbsent(at, path);
        return undefined;
      }
      await downloadFile(model, cache, path, facts);
      found = await cache.find(at, path);
    }
    return typeof found === "object" ? openFile(found.path, path) : undefined;
  }

  async function factsAt(path: string): Promise<Facts | undefined> {
    const facts = await askFacts(model, at, path).catch(explained);
    return facts.etag === undefined ? undefined : { ...facts, commit: at };
  }

  return openedOnce(offline ? `${id} (offline, from ${root})` : id, open, cache.snapshot(at));
}

/** Whether nothing may be asked of the hub. */
export function isOffline({ localFilesOnly }: SourceOptions): boolean {
  return localFilesOnly === true || isTrue(env.HF_HUB_OFFLINE) || isTrue(env.TRANSFORMERS_OFFLINE);
}

/** Adds to an error of the network what to do without one. */
function explained(error: unknown): never {
  if (!(error instanceof ModelError) || error.cause === undefined) throw error;
  error.message += "; without a network, localFilesOnly: true or HF_HUB_OFFLINE=1 takes what is in the cache";
  throw error;
}

const NO_FOLDER = "is neither a folder nor an installed weights package here";

function checkId(id: string): void {
  const [owner, name, ...more] = id.split("/");
  const part = /^\w(?:[\w.-]*\w)?$/;
  if (
    part.test(owner) &&
    part.test(name ?? "") &&
    more.length === 0 &&
    id.length <= 96 &&
    !/--|\.\.|\.git$/.test(id) &&
    !/[^\x20-\x7e]/.test(id)
  ) {
    return;
  }
  const problem = `${NO_FOLDER}, and cannot be the name of a model on the hub (owner/name)`;
  throw new ModelError(problem, { field: "model", value: id });
}

/** A revision becomes a path below `refs`. */
function checkRevision(revision: string): void {
  const good =
    typeof revision === "string" &&
    /^[^/\\:\p{Cc}]+(\/[^/\\:\p{Cc}]+)*$/u.test(revision) &&
    !revision.split("/").some((part) => part === "." || part.includes("..")) &&
    revision.length <= 200;
  if (!good) throw new ModelError("must be a branch, a tag or a commit", { field: "revision", value: revision });
}

function tokenOf(token: string | undefined): string | undefined {
  const text = token?.trim();
  if (text === undefined || text === "") return undefined;
  // The value stays out of the message.
  if (!/^[\x21-\x7e]+$/.test(text)) throw new ModelError("holds characters that no token has", { field: "token" });
  return text;
}

function endpointOf(endpoint: string): string {
  const at = { field: "endpoint" }; // without its value: there may be a password in it
  if (!URL.canParse(endpoint)) throw new ModelError("must be a URL, such as https://huggingface.co", at);
  const { protocol, origin, pathname, username, password } = new URL(endpoint);
  if (!/^https?:$/.test(protocol)) throw new ModelError("must begin with https:// or http://", at);
  if (username + password !== "") throw new ModelError("must not hold a name and a password; give a token", at);
  return origin + pathname.replace(/\/+$/, "");
}

function timeoutOf(): number | undefined {
  const seconds = Number(env.HF_HUB_DOWNLOAD_TIMEOUT);
  return seconds > 0 ? seconds * 1000 : undefined;
}

/** Where Python's huggingface_hub keeps its files. */
function defaultCache(): string {
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  return resolve(expanded(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(expanded(home), "hub")));
}

/** `~` and `$NAME`, as Python expands them. */
function expanded(path: string): string {
  return path
    .replace(/^~(?=$|[/\\])/, homedir())
    .replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, plain, braced) => env[plain ?? braced] ?? whole);
}

function isTrue(value: string | undefined): boolean {
  return /^(1|on|yes|true)$/i.test(value ?? "");
}
