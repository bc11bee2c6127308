import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { ModelError } from "./base/errors.ts";
import type { HubCache } from "./node-cache.ts";
import { checksum, isChecksum } from "./node-checksum.ts";
import { type Facts, fetchFile, fileUrl, type HubModel } from "./node-hub-requests.ts";
import { withLock } from "./node-lock.ts";
import { persist } from "./url.ts";

/** Bytes after which a connection that was cut has been of use: the count of failed tries begins anew. */
const OF_USE = 1 << 18;
/** Milliseconds between two reports. */
const REPORT = 100;
/** Tries to have a file whole and verified; each is many tries to fetch it. */
const TRIES = 4;

/** Brings a file into the cache, verified, or links the bytes that are there already. Downloads that were cut go on where they ended. */
export async function downloadFile(model: HubModel, cache: HubCache, path: string, facts: Facts): Promise<void> {
  try {
    const name = blobName(path, facts);
    const partial = await cache.partial(name);
    const lock = await cache.lock(name);
    await withLock(lock, model.patience.signal, () => fetchChecked(name, partial, model, cache, path, facts));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof ModelError || typeof code !== "string") throw error;
    throw unwritable(path, cache.folder, error);
  }
}

/** Contents are shared under their hash. Of any other ETag only the server knows what it promises: such a blob is this one file's. */
function blobName(path: string, { commit, etag }: Facts): string {
  if (isChecksum(etag)) return etag;
  return `${etag}-${createHash("sha256").update(`${commit}/${path}`).digest("hex").slice(0, 16)}`;
}

async function fetchChecked(
  name: string,
  partial: string,
  model: HubModel,
  cache: HubCache,
  path: string,
  facts: Facts,
): Promise<void> {
  const { commit, etag, size } = facts;
  for (let tries = 1; ; tries++) {
    // Perhaps another process has fetched it meanwhile.
    if (await cache.hasBlob(name, size)) return cache.publish(commit, path, name);
    if ((await cache.find(commit, path)) !== undefined) return;
    try {
      const resumed = await fetchTo(partial, model, path, facts);
      const wrong = await checksum(partial, etag);
      if (wrong === undefined) return await cache.publish(commit, path, name, partial);
      await rm(partial, { force: true });
      // Where there was a part from before, that may have been the damaged one: once more, from the start.
      if (!resumed || tries === TRIES) {
        const problem = `was damaged on the way: the hub promised ${etag}; load the model again`;
        throw new ModelError(problem, { file: path, field: "checksum", value: wrong });
      }
    } catch (error) {
      // Where locks do not hold (some network drives), another process has verified and renamed what both have written.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || tries === TRIES) throw error;
    }
  }
}

function unwritable(file: string, folder: string, cause: unknown): ModelError {
  const { code } = cause as NodeJS.ErrnoException;
  return new ModelError(
    `cannot be stored in ${folder} (${code}); make room there, or choose another place (option cacheDir, or HF_HUB_CACHE)`,
    { file, cause },
  );
}

/** Completes the file `partial`; true if it began with bytes from before. */
async function fetchTo(partial: string, model: HubModel, path: string, { commit, size }: Facts): Promise<boolean> {
  // A link in its place is not followed (where the system knows how).
  const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
  const file = await open(partial, flags, 0o644);
  let reported = 0;
  const report = (loaded: number, end: boolean): void => {
    if (!end && Date.now() - reported < REPORT) return;
    reported = Date.now();
    model.patience.onProgress?.({ file: path, loaded, total: Math.max(size ?? 0, loaded), phase: "download" });
  };
  try {
    let at = (await file.stat()).size;
    // From the start, without truncating: were there a second writer, it might have published these very bytes.
    if (at > (size ?? at)) at = 0;
    const resumed = at > 0;
    let since = at;
    const gained = (): boolean => {
      const enough = at - since >= OF_USE;
      if (enough) since = at;
      return enough;
    };
    const url = fileUrl(model, commit, path);
    await persist(
      path,
      url,
      model.patience,
      async (signal, alive) => {
        if (size !== undefined && at === size) return;
        const response = await fetchFile(model, commit, path, at, signal);
        if (at > 0 && response.status !== 200) {
          const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "") ?? [];
          if (response.status !== 206 || Number(from) !== at || (size !== undefined && Number(total) !== size)) {
            at = 0;
            throw new Error("the server did not go on where the download had ended");
          }
        } else at = 0;
        if (response.body === null) throw new Error("the answer was empty");
        for await (const piece of response.body as AsyncIterable<Uint8Array>) {
          alive();
          if (at + piece.length > (size ?? Infinity)) {
            at = 0;
            throw new ModelError(`the server sent more than the ${size} bytes it promised`, { file: path });
          }
          await write(file, piece, at).catch((error: unknown) => {
            throw unwritable(path, partial, error);
          });
          at += piece.length;
          report(at, false);
        }
        if (size !== undefined && at < size) throw new Error(`${at} bytes came of ${size}`);
      },
      gained,
    );
    report(at, true);
    if ((await file.stat()).size > at) await file.truncate(at);
    await file.datasync(); // before anybody sees it under its own name
    return resumed;
  } finally {
    await file.close();
  }
}

async function write(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}
