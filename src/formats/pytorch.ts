/**
 * PyTorch's own files, `pytorch_model.bin`: both layouts, read as data. Usable alone as `munjang/pytorch`.
 *
 *     const weights = await openPytorch(await (await fetch(url)).arrayBuffer());
 *     const table = await weights.readFloat32("embeddings.word_embeddings.weight");   // { data, shape, stride, offset, dtype }
 *
 *     zip      name/data.pkl   name/byteorder   name/data/0   name/data/1   …                      torch 1.6 and later
 *     legacy   five pickles (magic number, protocol, machine, tensors, keys), then of every storage its elements as int64, its bytes
 *
 * Opening reads the pickle; every tensor is a read of its own. Nothing in a file is run: a pickle that names anything but tensors is
 * refused by name, and so are TorchScript, tar archives and big-endian files.
 */
import type { ByteSource } from "../base/bytes.ts";
import { ModelError } from "../base/errors.ts";
import { label } from "./json-text.ts";
import { type FormatLimits, limitsOf } from "./limits.ts";
import { CutShort, Dict, List, unpickle } from "./pickle.ts";
import { mistaken, readBytes, type StoredTensors, sourceOf } from "./stored.ts";
import { walkedTensors } from "./strided.ts";
import { readStateDict, type Storage, TORCH_RULES } from "./torch-pickle.ts";
import { openZip } from "./zip.ts";

export type { ByteSource } from "../base/bytes.ts";
export { ModelError } from "../base/errors.ts";
export type { DType, Tensor, TensorData, TensorInfo } from "../base/tensor.ts";
export type { FormatLimits } from "./limits.ts";
export type { Stored, StoredTensors } from "./stored.ts";

/** What a file of before torch 1.6 begins with, as a number of its first pickle. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** Bytes of the first read of a legacy file, whose pickles do not say how long they are; each further one reads eight times as many. */
const FIRST_READ = 1 << 16;

interface Opened {
  readonly source: ByteSource;
  readonly file: string;
  readonly limits: Required<FormatLimits>;
}

/**
 * Opens a file by reading its pickle. `file` names it in messages.
 * @throws ModelError saying what the file is instead, which rule of its layout is broken and where, or what its pickle asks for.
 */
export async function openPytorch(
  bytes: ByteSource | Uint8Array,
  file: string = "pytorch_model.bin",
  limits?: FormatLimits,
): Promise<StoredTensors> {
  const source = sourceOf(bytes);
  const { byteLength } = source;
  if (!Number.isSafeInteger(byteLength) || byteLength < 2) {
    throw new ModelError("a PyTorch file has more bytes", { file, field: "byteLength", value: byteLength });
  }
  const start = new Uint8Array(await readBytes(source, 0, Math.min(byteLength, 264), file, "the first bytes"));
  const opened = { source, file, limits: limitsOf(limits) };
  if (start[0] === 0x50 && start[1] === 0x4b) return openZipped(opened);
  if (start[0] === 0x80) return openLegacy(opened);
  const tar = String.fromCharCode(...start.subarray(257, 262)) === "ustar";
  const problem = tar
    ? "this is a tar archive, the layout of PyTorch before 0.2: load it with Python and save it again"
    : (mistaken(start) ?? "this is no PyTorch file: it begins neither as a zip nor as a pickle");
  throw new ModelError(problem, { file, field: "the first bytes" });
}

async function openZipped({ source, file, limits }: Opened): Promise<StoredTensors> {
  const entries = await openZip(source, file, limits);
  const pickle = [...entries.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined)
    throw new ModelError("is missing: this zip is no PyTorch file", { file, field: "data.pkl" });
  const top = pickle.slice(0, -8);
  for (const name of entries.keys()) {
    if (!name.startsWith(top))
      throw new ModelError(`lies outside the folder ${label(top)}`, { file, field: label(name) });
    if (name === `${top}constants.pkl` || name.startsWith(`${top}code/`)) {
      throw new ModelError("this is TorchScript, a program: save model.state_dict() instead", {
        file,
        field: label(name),
      });
    }
  }
  async function read(name: string): Promise<Uint8Array | undefined> {
    const entry = entries.get(top + name);
    if (entry === undefined) return undefined;
    const length = entry.end - entry.begin;
    if (length > limits.maxHeaderBytes) {
      throw new ModelError("is over the limit of maxHeaderBytes", { file, field: name, value: length });
    }
    return new Uint8Array(await readBytes(source, entry.begin, entry.end, file, name));
  }
  const order = await read("byteorder");
  if (order !== undefined && String.fromCharCode(...order.subarray(0, 16)) !== "little")
    throw bigEndian(file, "byteorder");
  const bytes = (await read("data.pkl"))!;
  const { maxTensors } = limits;
  const { value, next } = unpickle(bytes, 0, TORCH_RULES, { file, where: "data.pkl", maxTensors });
  if (next !== bytes.length) throw new ModelError("bytes after the pickle are refused", { file, field: "data.pkl" });
  const layout = {
    file,
    byteLength: source.byteLength,
    maxTensors,
    begin({ key, bytes }: Storage, field: string): number {
      const entry = entries.get(`${top}data/${key}`);
      if (entry === undefined) throw new ModelError("its storage is missing", { file, field, value: key });
      if (entry.end - entry.begin === bytes) return entry.begin;
      const problem = `its storage ${label(key)} has ${entry.end - entry.begin} bytes, and the pickle says ${bytes}`;
      throw new ModelError(problem, { file, field });
    },
  };
  return walkedTensors(source, file, readStateDict(value, layout));
}

async function openLegacy(opened: Opened): Promise<StoredTensors> {
  const { source, file, limits } = opened;
  const { value, keys, next } = await readPickles(opened);
  // Storages stand in the order of the keys; their lengths come from the tensors that use them.
  const storages = new Map<string, Storage>();
  const begins = new Map<string, number>();
  const layout = {
    file,
    byteLength: source.byteLength,
    maxTensors: limits.maxTensors,
    begin(storage: Storage, field: string): number {
      const { key, type, count } = storage;
      const known = storages.get(key) ?? storage;
      storages.set(key, known);
      if (known.type === type && known.count === count) return begins.get(key) ?? 0;
      throw new ModelError(`its storage ${label(key)} is another elsewhere`, { file, field });
    },
  };
  readStateDict(value, layout); // finds the storages
  let at = next;
  for (const key of keys) {
    const field = `storage ${label(String(key))}`;
    const storage = typeof key === "string" && !begins.has(key) ? storages.get(key) : undefined;
    if (storage === undefined) throw new ModelError("no tensor uses it, or it stands twice", { file, field });
    if (at + 8 + storage.bytes > source.byteLength) {
      throw new ModelError("the file is cut short, fetch it again", { file, field, value: storage.bytes });
    }
    const stated = new DataView(await readBytes(source, at, at + 8, file, field)).getBigInt64(0, true);
    if (stated !== BigInt(storage.count)) {
      throw new ModelError(`the pickle says ${storage.count} elements`, { file, field, value: stated });
    }
    begins.set(storage.key, at + 8);
    at += 8 + storage.bytes;
  }
  if (at !== source.byteLength)
    throw new ModelError(`bytes after ${at} belong to no storage: refused`, { file, field: "the end" });
  for (const key of storages.keys()) {
    if (!begins.has(key)) throw new ModelError("is missing", { file, field: `storage ${label(key)}` });
  }
  return walkedTensors(source, file, readStateDict(value, layout));
}

/** The five pickles at the beginning, which do not say where they end: with more and more bytes, until they fit. */
async function readPickles({
  source,
  file,
  limits,
}: Opened): Promise<{ value: unknown; keys: readonly unknown[]; next: number }> {
  const { maxHeaderBytes, maxTensors } = limits;
  const most = Math.min(source.byteLength, maxHeaderBytes);
  for (let length = FIRST_READ; ; length *= 8) {
    const bytes = new Uint8Array(await readBytes(source, 0, Math.min(length, most), file, "pickles"));
    let next = 0;
    const read = (where: string): unknown => {
      const pickle = unpickle(bytes, next, TORCH_RULES, { file, where, maxTensors });
      next = pickle.next;
      return pickle.value;
    };
    try {
      const magic = read("magic number");
      if (magic !== MAGIC) {
        throw new ModelError("this is a pickle, but none that torch.save wrote", {
          file,
          field: "magic number",
          value: magic,
        });
      }
      const protocol = read("protocol");
      if (protocol !== PROTOCOL) {
        throw new ModelError(`must be ${PROTOCOL}`, { file, field: "protocol", value: protocol });
      }
      const machine = read("machine");
      const little = machine instanceof Dict ? machine.items.indexOf("little_endian") : -1;
      if (!(machine instanceof Dict) || little < 0 || machine.items[little + 1] !== true)
        throw bigEndian(file, "machine");
      const value = read("data.pkl");
      const keys = read("keys");
      if (!(keys instanceof List)) throw new ModelError("must be a list of storages", { file, field: "keys" });
      return { value, keys: keys.items, next };
    } catch (error) {
      if (!(error instanceof CutShort) || bytes.length === most) throw error;
    }
  }
}

function bigEndian(file: string, field: string): ModelError {
  return new ModelError("must say little: save the model on a little-endian machine", { file, field });
}
