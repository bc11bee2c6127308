import { ModelError } from "./base/errors.ts";
import { COMMIT } from "./node-cache.ts";
import { checkAnswer, type Patience, persist, shown } from "./url.ts";

/** A hub, a model on it, and how to ask for it. */
export interface HubModel {
  readonly id: string;
  /** No slash at the end. */
  readonly endpoint: string;
  /** Sent to the endpoint's own origin and nowhere else; never in a message. */
  readonly token: string | undefined;
  readonly patience: Patience;
}

/** What the hub says of a file before it is fetched. */
export interface Facts {
  readonly commit: string;
  /** Names the contents: SHA-256 of a large file, git's SHA-1 of a small one. */
  readonly etag: string;
  readonly size: number | undefined;
}

/** Asks about a file; undefined `etag` where there is none, and then `commit` as far as the hub says it. */
export function askFacts(
  model: HubModel,
  revision: string,
  path: string,
): Promise<Facts | { readonly commit: string | undefined; readonly etag: undefined }> {
  const url = fileUrl(model, revision, path);
  return persist(path, url, model.patience, async (signal) => {
    // A large file lies elsewhere, but the hub's own answer says what it is.
    const { response } = await follow(model, path, url, { method: "HEAD", signal }, ({ headers }) => {
      return headers.has("x-linked-etag") && headers.has("x-repo-commit");
    });
    const { headers, status } = response;
    const moved = status >= 300 && status < 400;
    const commit = headers.get("x-repo-commit") ?? undefined;
    if (commit !== undefined && !COMMIT.test(commit)) {
      throw new ModelError("must be a commit of 40 hexadecimal digits", {
        file: path,
        field: "X-Repo-Commit",
        value: commit,
      });
    }
    if (status === 404 && isAbsent(headers, commit, revision)) return { commit, etag: undefined };
    if (!moved) checkHubAnswer(model, revision, path, url, response);
    if (commit === undefined) {
      const problem =
        "did not say which commit the file is of (X-Repo-Commit): it is not a hub, or a proxy stands before it. Check HF_ENDPOINT and the proxy";
      throw new ModelError(problem, { file: path, field: "endpoint", value: model.endpoint });
    }
    const named = headers.get("x-linked-etag") ?? headers.get("etag") ?? "";
    const etag = named.replace(/^W\//, "").replace(/^"(.*)"$/, "$1");
    if (!/^[\w+-][\w.+-]{0,199}$/.test(etag)) {
      throw new ModelError("cannot be the name of a file", { file: path, field: "ETag", value: named });
    }
    // A proxy may compress what it was asked not to; its length is then another.
    const plain = !moved && (headers.get("content-encoding") ?? "identity") === "identity";
    const length = headers.get("x-linked-size") ?? (plain ? headers.get("content-length") : null);
    return { commit, etag, size: length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined };
  });
}

/** Fetches a file from byte `start` on. The answer has been checked, but for its range. */
export async function fetchFile(
  model: HubModel,
  commit: string,
  path: string,
  start: number,
  signal: AbortSignal,
): Promise<Response> {
  const url = fileUrl(model, commit, path);
  const headers = start === 0 ? undefined : { range: `bytes=${start}-` };
  const { response, at } = await follow(model, path, url, { method: "GET", signal, headers });
  const { status } = response;
  if (status === 416) return response;
  if (status === 404 && !/^(Repo|Revision)NotFound$/.test(response.headers.get("x-error-code") ?? "")) {
    const problem = `the hub has just described the file, but 404 is the answer where it lies: the storage, or this mirror of it, is not complete. Try again later; if it stays so, take another revision, or another endpoint than ${model.endpoint}`;
    throw new ModelError(problem, { file: path, field: "url", value: shown(at) });
  }
  if (at.origin === url.origin) checkHubAnswer(model, commit, path, url, response);
  else checkAnswer(path, at, response, STORAGE_DENIED);
  return response;
}

/** No token goes to the storage, so none can be missing there. */
const STORAGE_DENIED =
  ": the hub had just given this address for the file. Look at this machine's clock (such addresses are valid for a while), and at proxies";

export function fileUrl({ endpoint, id }: HubModel, revision: string, path: string): URL {
  const file = path.split("/").map(encodeURIComponent).join("/");
  return new URL(`${endpoint}/${id}/resolve/${encodeURIComponent(revision)}/${file}`);
}

/** Redirects are followed by hand, because the token may not go along. Ends early where `enough`. */
async function follow(
  { endpoint, token }: HubModel,
  file: string,
  url: URL,
  init: { method: string; signal: AbortSignal; headers?: Record<string, string> },
  enough?: (response: Response) => boolean,
): Promise<{ response: Response; at: URL }> {
  const home = new URL(endpoint).origin;
  for (let to = url, hops = 0; hops < 10; hops++) {
    // Sizes are those of the file only if nobody compresses it.
    const headers: Record<string, string> = {
      ...init.headers,
      "accept-encoding": "identity",
      "user-agent": "munjang",
    };
    if (token !== undefined && to.origin === home) headers.authorization = `Bearer ${token}`;
    const response = await fetch(to, { ...init, headers, redirect: "manual" });
    const location = response.headers.get("location");
    const moved = response.status >= 300 && response.status < 400 && location !== null;
    if (!moved || enough?.(response)) return { response, at: to };
    await response.body?.cancel();
    to = new URL(location, to);
    if (!/^https?:$/.test(to.protocol)) {
      throw new ModelError("leads away from the web", { file, field: "Location", value: to.protocol });
    }
  }
  throw new ModelError("the server redirects in a circle", { file, field: "url", value: url.href });
}

/** Whether a 404 is about the file: not about the model, nor the revision. */
function isAbsent(headers: Headers, commit: string | undefined, revision: string): boolean {
  const code = headers.get("x-error-code");
  if (code !== null) return code === "EntryNotFound";
  return commit !== undefined || COMMIT.test(revision);
}

function checkHubAnswer(model: HubModel, revision: string, path: string, url: URL, response: Response): void {
  const { id, endpoint, token } = model;
  const { status, headers } = response;
  const code = headers.get("x-error-code");
  if (status === 404 && code === "RevisionNotFound") {
    throw new ModelError(`is no branch, tag or commit of ${id} on ${endpoint}`, { field: "revision", value: revision });
  }
  if (status === 404 || (status === 401 && code === "RepoNotFound")) {
    const private_ =
      token === undefined
        ? "for a private model set the option token, or HF_TOKEN"
        : "the token that was given does not open it";
    throw new ModelError(
      `is neither a folder nor an installed weights package here, and ${endpoint} knows no such model; check the name (${private_})`,
      { field: "model", value: id },
    );
  }
  const remedy =
    code === "GatedRepo"
      ? `: accept the model's conditions at ${endpoint}/${id}, and give the token of that account (option token, or HF_TOKEN)`
      : token === undefined
        ? ": give a token (option token, or HF_TOKEN)"
        : ": the token that was given does not allow it, or has expired";
  checkAnswer(path, url, response, remedy);
}
