import { type ByteSource, letGo } from "./base/bytes.ts";
import { fail } from "./base/errors.ts";
import { type ModelSource, openedOnce } from "./source.ts";

/** A part of a file: its first byte, and the one behind its last. */
export type Part = readonly [from: number, to: number];

/** What is known of a file once a part of it has come. */
export interface Known {
  readonly size: number;
  /** Changes when the file does. */
  readonly version: string;
}

/** Parts of a file. */
export interface Answer extends Known {
  /** Each may end early where the file does. */
  readonly parts: readonly ArrayBuffer[];
  /** False where the store had to begin at the first byte to come to the others. */
  readonly ranges: boolean;
}

/** Where objects lie. */
export interface Store {
  readonly name: string;
  /** Some parts of an object, which follow each other, and what is `known` of it; undefined where there is none. */
  read(path: string, parts: readonly Part[], known?: Known): Promise<Answer | undefined>;
}

/** The files of a model in a store, with what is kept of them while the model is loaded. */
export interface EdgeFiles {
  readonly source: ModelSource;
  /** Called once the weights have been read: from now on nothing is kept, and every part is asked for by itself. */
  loaded(): void;
}

/** Bytes fetched as a file is opened: all of a small one, the header of weights. */
const FIRST_BYTES = 65_536;

/** Bytes of a block. Weights are read in blocks while a model is loaded: some sixty requests instead of a thousand. */
const BLOCK_BYTES = 2 << 20;

/** Bytes of blocks kept: the small tensors of all layers lie in two, and a weight of BERT-base in two or three. */
const MOST_BYTES = 4 * BLOCK_BYTES;

/** Reads no longer than that are kept until the model is loaded, and as much of each end of longer ones: its identity is made of them. */
const ENDS = 8192;

/** Reads kept at most: 20 MB of them. BERT-base has some five hundred, 3 MB. */
const MOST_HELD = 2500;

export function edgeFiles(store: Store): EdgeFiles {
  let loading = true;
  /** The blocks used last, the oldest first, as soon as they are asked for. */
  const blocks = new Map<string, { readonly bytes: Promise<ArrayBuffer>; readonly length: number }>();
  const held = new Map<string, ArrayBuffer>();
  /** What came as a file was opened. */
  const heads = new Map<string, ArrayBuffer>();
  const evict = (key: string): void => {
    const bytes = blocks.get(key)?.bytes;
    blocks.delete(key);
    // Whoever has asked for it copies what it wants as soon as it is there: that is before the second of these.
    void bytes
      ?.then(() => {})
      .then(
        () => bytes.then(letGo),
        () => {},
      );
  };
  const forget = (): void => {
    for (const key of blocks.keys()) evict(key);
    for (const kept of [held, heads]) {
      kept.forEach(letGo);
      kept.clear();
    }
  };

  async function open(path: string): Promise<ByteSource | undefined> {
    const first = await store.read(path, [[0, FIRST_BYTES]]);
    if (first === undefined) return undefined;
    const { size, version, ranges } = first;
    const [head] = first.parts;
    if (size <= FIRST_BYTES) return head;
    heads.set(path, head);
    // A file that can only be read from its start is one block.
    const blockBytes = ranges ? BLOCK_BYTES : size;
    const most = ranges ? MOST_BYTES : MOST_BYTES / 2;

    const read = async (parts: readonly Part[]): Promise<readonly ArrayBuffer[]> => {
      const answer = await store.read(path, parts, first);
      if (answer?.version !== version || answer.size !== size) {
        fail(path, undefined, "changed in the store meanwhile; load the model again");
      }
      return answer.parts;
    };
    const block = (n: number): Promise<ArrayBuffer> => {
      const key = `${path} ${n}`;
      const part: Part = [n * blockBytes, Math.min((n + 1) * blockBytes, size)];
      const known = blocks.get(key) ?? { bytes: read([part]).then(([bytes]) => bytes), length: part[1] - part[0] };
      // Whoever waits for it is told; the next one tries again.
      known.bytes.catch(() => {
        if (blocks.get(key) === known) blocks.delete(key);
      });
      blocks.delete(key);
      blocks.set(key, known);
      let total = 0;
      for (const { length } of blocks.values()) total += length;
      for (const [oldest, { length }] of blocks) {
        if (total <= most || oldest === key) break;
        total -= length;
        evict(oldest);
      }
      return known.bytes;
    };
    const throughBlocks = async (start: number, end: number, into: ArrayBuffer): Promise<ArrayBuffer> => {
      const all = new Uint8Array(into);
      for (let at = start; at < end; ) {
        const n = Math.floor(at / blockBytes);
        const bytes = new Uint8Array(await block(n)).subarray(at - n * blockBytes, end - n * blockBytes);
        all.set(bytes, at - start);
        at += bytes.length;
      }
      return into;
    };
    const hold = (from: number, bytes: ArrayBuffer): unknown => held.set(`${path} ${from} ${bytes.byteLength}`, bytes);
    const together = gathered(read);

    return {
      byteLength: size,
      async slice(start, end, into) {
        if (!loading) return together(start, end);
        const head = heads.get(path);
        if (head !== undefined && end <= FIRST_BYTES) return head.slice(start, end);
        const known = held.get(`${path} ${start} ${end - start}`);
        if (known !== undefined) return known.slice(0);
        const bytes = await throughBlocks(start, end, into ?? new ArrayBuffer(end - start));
        if (held.size >= MOST_HELD || !loading) return bytes;
        if (bytes.byteLength <= ENDS) hold(start, bytes.slice(0));
        else {
          hold(start, bytes.slice(0, ENDS / 2));
          hold(end - ENDS / 2, bytes.slice(-ENDS / 2));
        }
        return bytes;
      },
    };
  }

  const files = openedOnce(store.name, open);
  return {
    source: {
      ...files,
      close: async () => {
        loading = true;
        forget();
        await files.close();
      },
    },
    loaded() {
      loading = false;
      forget();
    },
  };
}

/** Reads asked for in one go are one call, and parts that touch are one part. */
function gathered(
  read: (parts: readonly Part[]) => Promise<readonly ArrayBuffer[]>,
): (from: number, to: number) => Promise<ArrayBuffer> {
  interface Wanted {
    readonly from: number;
    readonly to: number;
    resolve(bytes: ArrayBuffer): void;
    reject(error: unknown): void;
  }
  let waiting: Wanted[] = [];

  async function flush(): Promise<void> {
    // Those who ask in one go come some promises apart.
    for (let i = 0; i < 8; i++) await undefined;
    const now = waiting.sort((a, b) => a.from - b.from);
    waiting = [];
    const parts: [number, number][] = [];
    for (const { from, to } of now) {
      const last = parts[parts.length - 1];
      if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
      else parts.push([from, to]);
    }
    try {
      const answers = await read(parts);
      for (const { from, to, resolve } of now) {
        const n = parts.findIndex((part) => part[0] <= from && to <= part[1]);
        resolve(answers[n].slice(from - parts[n][0], to - parts[n][0]));
      }
      answers.forEach(letGo);
    } catch (error) {
      for (const { reject } of now) reject(error);
    }
  }

  return (from, to) =>
    new Promise((resolve, reject) => {
      waiting.push({ from, to, resolve, reject });
      if (waiting.length === 1) void flush();
    });
}
