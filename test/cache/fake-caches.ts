import { vi } from "vitest";

/*
 * The part of the Cache API that is used, in memory, and Web Locks. As in the standard an entry is there once its body has been read to the
 * end, and a put that fails leaves what was there.
 */

interface Entry {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly headers: [string, string][];
}

export interface FakeCaches {
  readonly stores: Map<string, Map<string, Entry>>;
  /** Bytes that may be stored; more is a QuotaExceededError. */
  quota: number;
  /** What `navigator.storage.estimate()` takes for the quota; undefined where there is no such thing. */
  told: number | undefined;
  /** Bytes stored. */
  used(): number;
  /** Keys of parts. */
  parts(): string[];
  /** Keys of notes. */
  notes(): string[];
}

/** Takes the place of `caches` and `navigator` until `vi.unstubAllGlobals()`. */
export function fakeCaches({ locks = false } = {}): FakeCaches {
  const stores: FakeCaches["stores"] = new Map();
  const all = (): [string, Entry][] => [...stores.values()].flatMap((store) => [...store]);
  const used = (): number => all().reduce((sum, [, { body }]) => sum + body.length, 0);
  const fake: FakeCaches = {
    stores,
    quota: Number.POSITIVE_INFINITY,
    told: undefined,
    used,
    parts: () => all().flatMap(([key]) => (key.includes("?") ? key : [])),
    notes: () => all().flatMap(([key]) => (key.includes("?") ? [] : key)),
  };
  const cacheOf = (name: string) => {
    const store = stores.get(name) ?? new Map<string, Entry>();
    stores.set(name, store);
    return {
      async match(key: string) {
        const found = store.get(key);
        return found && new Response(found.body.slice(), { headers: found.headers });
      },
      async put(key: string, response: Response) {
        const body = new Uint8Array(await response.arrayBuffer());
        if (used() + body.length > fake.quota) throw new DOMException("Quota exceeded.", "QuotaExceededError");
        store.set(key, { body, headers: [...response.headers] });
      },
      delete: async (key: string) => store.delete(key),
      keys: async () => [...store.keys()].map((url) => ({ url })),
    };
  };
  vi.stubGlobal("caches", {
    open: async (name: string) => cacheOf(name),
    has: async (name: string) => stores.has(name),
    delete: async (name: string) => stores.delete(name),
  });
  vi.stubGlobal("navigator", {
    storage: {
      estimate: async () => (fake.told === undefined ? {} : { quota: fake.told, usage: used() }),
      persisted: async () => true,
    },
    ...(locks ? { locks: fakeLocks() } : {}),
  });
  return fake;
}

interface LockOptions {
  signal?: AbortSignal;
}

function fakeLocks(): { request<T>(name: string, options: LockOptions, work: () => Promise<T>): Promise<T> } {
  const last = new Map<string, Promise<unknown>>();
  return {
    async request(name, { signal }, work) {
      const before = last.get(name);
      let release: (value?: unknown) => void = () => {};
      last.set(name, Promise.all([before, new Promise((resolve) => (release = resolve))]));
      try {
        signal?.throwIfAborted();
        await Promise.race([
          before,
          new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason))),
        ]);
        return await work();
      } finally {
        release();
      }
    },
  };
}
