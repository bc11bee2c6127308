import { refuse } from "../base/door.ts";
import { type DType, sizeOf, type TensorData } from "../base/tensor.ts";
import { arrayOf } from "../formats/arrays.ts";
import { rowsName } from "../formats/row-parts.ts";
import { type FileLayout, layOutFile } from "../formats/safetensors-layout.ts";

/** Where a converted model goes: file by file, in pieces that come in any order. */
export interface Sink {
  /** Begins a file of so many bytes. It may be seen once all its pieces are there and it has been closed. */
  create(path: string, byteLength: number): Promise<SinkFile>;
}

/** A file that is written in pieces, each at its place in bytes, and closed once. */
export interface SinkFile {
  write(bytes: Uint8Array, at: number): Promise<void> | void;
  close(): Promise<void> | void;
  /** In place of `close`, where the file will never be complete; without it `close` is called. */
  abort?(): Promise<void> | void;
}

/** A tensor that will be written. */
export interface TensorPlan {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** May be written as several tensors of some rows each. */
  readonly rows?: boolean;
}

interface File {
  readonly path: string;
  readonly layout: FileLayout;
}

/** The files of some tensors: which tensor, or which of its rows, will stand where. */
export interface FilePlan {
  readonly files: readonly File[];
  /** By the tensor's name: its parts, in order. */
  readonly parts: ReadonlyMap<string, readonly { readonly file: File; readonly at: number; readonly bytes: number }[]>;
  /** Which file each tensor is in, for the index of shards. */
  readonly map: Readonly<Record<string, string>>;
  readonly bytes: number;
}

function bytesOf({ dtype, shape }: Pick<TensorPlan, "dtype" | "shape">): number {
  return sizeOf(shape) * arrayOf(dtype).BYTES_PER_ELEMENT;
}

/**
 * Lays out the files. With `most`, no file's tensors have more bytes than that in all, and a table that has is split by rows.
 * @throws ModelError where a tensor that cannot be split has more.
 */
export function planFiles(
  tensors: readonly TensorPlan[],
  metadata: Readonly<Record<string, string>>,
  most: number = Number.POSITIVE_INFINITY,
): FilePlan {
  const pieces = tensors.flatMap((tensor) => split(tensor, most));
  const groups: (typeof pieces)[] = [[]];
  let filled = 0;
  for (const piece of pieces) {
    if (filled + piece.bytes > most && filled > 0) {
      groups.push([]);
      filled = 0;
    }
    groups[groups.length - 1].push(piece);
    filled += piece.bytes;
  }
  const number = (n: number): string => String(n).padStart(5, "0");
  const parts = new Map<string, { file: File; at: number; bytes: number }[]>();
  const map: Record<string, string> = {};
  const files = groups.map((group, i) => {
    const path =
      groups.length === 1 ? "model.safetensors" : `model-${number(i + 1)}-of-${number(groups.length)}.safetensors`;
    const layout = layOutFile(new Map(group.map((piece) => [piece.name, piece])), metadata, path);
    const file = { path, layout };
    for (const { name, of, bytes } of group) {
      const known = parts.get(of) ?? [];
      known.push({ file, at: layout.begins.get(name) as number, bytes });
      parts.set(of, known);
      map[name] = path;
    }
    return file;
  });
  return { files, parts, map, bytes: pieces.reduce((sum, { bytes }) => sum + bytes, 0) };
}

function split(tensor: TensorPlan, most: number): (TensorPlan & { of: string; bytes: number })[] {
  const { name, shape } = tensor;
  const bytes = bytesOf(tensor);
  if (bytes <= most) return [{ ...tensor, of: name, bytes }];
  const [rows, ...rest] = shape;
  const step = Math.floor(most / (bytes / rows));
  if (tensor.rows !== true || step < 1) {
    return refuse("maxShardSize", `is too small: ${name} has ${bytes} bytes and cannot be divided`, most);
  }
  return Array.from({ length: Math.ceil(rows / step) }, (_, i) => {
    const part = { ...tensor, name: rowsName(name, i * step), shape: [Math.min(step, rows - i * step), ...rest] };
    return { ...part, of: name, bytes: bytesOf(part) };
  });
}

/** Writes tensors to the files of a plan, as they come. */
export interface Writer {
  /** Writes numbers of a tensor, from its element `first` on. */
  write(name: string, data: TensorData, first?: number): Promise<void>;
  /** Closes all files. */
  close(): Promise<void>;
  /** Lets go of all files, which are not complete. */
  abort(): Promise<void>;
}

export async function openWriter(plan: FilePlan, sink: Sink, folder: string): Promise<Writer> {
  const open = new Map<File, SinkFile>();
  const abort = async (): Promise<void> => {
    // One that cannot even be given up must not hide what went wrong before.
    for (const to of open.values()) await Promise.resolve(to.abort ? to.abort() : to.close()).catch(() => {});
  };
  try {
    for (const file of plan.files) {
      const path = folder === "" ? file.path : `${folder}/${file.path}`;
      const to = await sink.create(path, file.layout.byteLength);
      open.set(file, to);
      await to.write(file.layout.header, 0);
    }
  } catch (error) {
    await abort();
    throw error;
  }
  return {
    abort,
    async write(name, data, first = 0) {
      let from = first * data.BYTES_PER_ELEMENT; // in the tensor
      let bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      for (const part of plan.parts.get(name) ?? []) {
        const here = bytes.subarray(0, Math.max(0, part.bytes - from));
        if (here.length > 0) await open.get(part.file)?.write(here, part.at + from);
        bytes = bytes.subarray(here.length);
        from = Math.max(0, from - part.bytes);
        if (bytes.length === 0) return;
      }
    },
    async close() {
      for (const file of open.values()) await file.close();
    },
  };
}
