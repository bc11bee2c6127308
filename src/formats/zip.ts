/**
 * Zip archives whose files are stored as they are, read from the central directory at their end. The two headers every file has must
 * agree, names must be plain, no byte may belong to two files: readers that look at different places would see different models.
 *
 *     local header, data   of every file        local: 30 bytes, name, extra
 *     central directory    one entry a file     46 bytes, name, extra, comment
 *     end record           where that begins    zip64: 56 bytes and a locator of 20, then the 22 bytes of old
 *
 * After PKWARE's APPNOTE.TXT 6.3. Checksums are not verified: PyTorch may leave them 0, and safetensors has none either.
 */
import type { ByteSource } from "../base/bytes.ts";
import { ModelError } from "../base/errors.ts";
import { label } from "./json-text.ts";
import { type FormatLimits, limitsOf, TEXT, tooMuch } from "./limits.ts";
import { readBytes } from "./stored.ts";

/** The bytes of one file inside the archive. */
export interface ZipEntry {
  readonly begin: number;
  readonly end: number;
}

/** Groups of local headers read at once: they lie far apart, and a server answers each with a request of its own. */
const READS = 16;

/** Bytes within which headers are a group. A hundred thousand reads of one each took two seconds. */
const NEAR = 1 << 16;

/** The end record and the longest comment that may follow it, with the locator of the zip64 record before it. */
const TAIL = 20 + 22 + 65535;

/** Files beside those of the tensors: data.pkl, version, byteorder, … */
const OTHERS = 1000;

/**
 * The files of an archive by name, in the order of the directory.
 * @throws ModelError naming the rule that is broken: compression, encryption, names that repeat or lead away, overlap, a cut file.
 */
export async function openZip(
  source: ByteSource,
  file: string,
  limits?: FormatLimits,
): Promise<ReadonlyMap<string, ZipEntry>> {
  const { maxHeaderBytes, maxTensors } = limitsOf(limits);
  const refuse = (field: string, problem: string, value?: unknown): ModelError =>
    new ModelError(problem, value === undefined ? { file, field } : { file, field, value });
  const read = async (start: number, end: number, field: string): Promise<DataView> => {
    if (start < 0 || end > source.byteLength) {
      throw refuse(field, "lies outside the file: it is cut short or damaged, fetch it again", [start, end]);
    }
    return new DataView(await readBytes(source, start, end, file, field));
  };

  const { count, begin, size } = await findDirectory(read, source.byteLength, refuse);
  if (count > maxTensors + OTHERS)
    throw refuse("end record", "too many files: raise maxTensors if you trust it", count);
  if (size > maxHeaderBytes) throw refuse("end record", "a directory too large: raise maxHeaderBytes", size);
  const view = await read(begin, begin + size, "central directory");

  const files = new Map<string, Central>();
  let at = 0;
  let room = TEXT * (maxTensors + OTHERS); // bytes of names that may still come
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || view.getUint32(at, true) !== 0x02014b50) {
      throw refuse("central directory", `entry ${i} of ${count} is missing: the file is damaged, fetch it again`);
    }
    const named = at + 46;
    const extra = named + view.getUint16(at + 28, true);
    const next = extra + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > size) throw refuse("central directory", `entry ${i} runs out of it: fetch the file again`);
    room -= extra - named;
    if (room < 0) tooMuch("more text than names", file, "central directory");
    const name = nameOf(new Uint8Array(view.buffer, named, extra - named), refuse);
    const field = label(name);
    if (files.has(name)) throw refuse(field, "stands twice in the zip: readers would not agree which one counts");
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    if (flags & 0x2041) throw refuse(field, "is encrypted: decrypt the archive first");
    if (method !== 0) throw refuse(field, "is compressed; torch.save never does that: unpack and store it", method);
    const sizes = [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)];
    const [plain, packed, header] = widen(view, extra, next, sizes, (problem) => refuse(field, problem));
    if (plain !== packed) throw refuse(field, "two sizes for bytes that are stored as they are", [plain, packed]);
    files.set(name, { name, central: at, header, begin: 0, end: plain });
    at = next;
  }
  if (at !== size) throw refuse("central directory", `${size - at} bytes after its last entry are refused`);

  const order = [...files.values()].sort((a, b) => a.header - b.header);
  const groups: Central[][] = [];
  for (const entry of order) {
    const last = groups.at(-1);
    if (last !== undefined && entry.header - last[0].header < NEAR) last.push(entry);
    else groups.push([entry]);
  }
  for (let i = 0; i < groups.length; i += READS) {
    await Promise.all(groups.slice(i, i + READS).map((group) => locateAll(group, view, read, refuse)));
  }
  order.forEach(({ name, end }, i) => {
    const limit = order[i + 1]?.header ?? begin;
    if (end > limit) throw refuse(label(name), `runs to byte ${end}, over what begins at ${limit}: overlap is refused`);
  });
  return files;
}

/** A file. There may be a hundred thousand, so that what its entry says is read again where it is needed. */
interface Central extends ZipEntry {
  readonly name: string;
  /** Where its entry stands in the central directory, and its local header in the archive. */
  readonly central: number;
  readonly header: number;
  /** Of its data; until its local header has been read, 0 and the size. */
  begin: number;
  end: number;
}

type Read = (start: number, end: number, field: string) => Promise<DataView>;
type Refuse = (field: string, problem: string, value?: unknown) => ModelError;

/** Finds the central directory by the end record, the last thing in the file. */
async function findDirectory(
  read: Read,
  byteLength: number,
  refuse: Refuse,
): Promise<{ count: number; begin: number; size: number }> {
  const field = "end record";
  const start = Math.max(0, byteLength - TAIL);
  const tail = await read(start, byteLength, field);
  let at = tail.byteLength - 22;
  while (
    at >= 0 &&
    (tail.getUint32(at, true) !== 0x06054b50 || at + 22 + tail.getUint16(at + 20, true) !== tail.byteLength)
  )
    at--;
  if (at < 0) throw refuse(field, "is missing from the end of the zip: the file is cut short, fetch it again");
  let disks = tail.getUint32(at + 4, true);
  let counts = [tail.getUint16(at + 8, true), tail.getUint16(at + 10, true)];
  let size = tail.getUint32(at + 12, true);
  let begin = tail.getUint32(at + 16, true);
  let end = start + at;
  if (at >= 20 && tail.getUint32(at - 20, true) === 0x07064b50) {
    const old: [number, number][] = [
      [counts[0], 0xffff],
      [counts[1], 0xffff],
      [size, 0xffffffff],
      [begin, 0xffffffff],
    ];
    end = Number(tail.getBigUint64(at - 12, true));
    const wide = await read(end, end + 56, "zip64 end record");
    if (wide.getUint32(0, true) !== 0x06064b50 || Number(wide.getBigUint64(4, true)) + 12 !== start + at - 20 - end) {
      throw refuse("zip64 end record", "is not where its locator says: the file is damaged, fetch it again", end);
    }
    disks = wide.getUint32(16, true) | wide.getUint32(20, true) | tail.getUint32(at - 16, true);
    const values = [24, 32, 40, 48].map((offset) => Number(wide.getBigUint64(offset, true)));
    old.forEach(([value, all], i) => {
      if (value !== all && value !== values[i]) throw refuse(field, "disagrees with the zip64 one", [value, values[i]]);
    });
    counts = values.slice(0, 2);
    [size, begin] = values.slice(2);
  }
  if (disks !== 0 || counts[0] !== counts[1]) throw refuse(field, "the zip is in several parts: join them", counts);
  if (begin + size !== end) {
    throw refuse(field, `the directory should end at byte ${end}: the file is cut short or damaged`, [begin, size]);
  }
  return { count: counts[0], begin, size };
}

/** A name that leads nowhere: relative, plain, no way up. */
function nameOf(raw: Uint8Array, refuse: Refuse): string {
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    throw refuse("central directory", "a name is not UTF-8", String.fromCharCode(...raw.subarray(0, 40)));
  }
  if (/(^|\/)\.{0,2}(\/|$)|[\\\0]/.test(name)) throw refuse("central directory", "a name that leads away", name);
  return name;
}

/** Puts the zip64 values of an extra field, from `from` to `to`, in place of those that are all ones. */
function widen(
  view: DataView,
  from: number,
  to: number,
  values: readonly number[],
  refuse: (problem: string) => ModelError,
): number[] {
  if (!values.includes(0xffffffff)) return [...values];
  let at = from;
  while (at + 4 <= to && view.getUint16(at, true) !== 1) at += 4 + view.getUint16(at + 2, true);
  const end = at + 4 <= to ? at + 4 + view.getUint16(at + 2, true) : at;
  at += 4;
  return values.map((value) => {
    if (value !== 0xffffffff) return value;
    at += 8;
    if (at > Math.min(end, to)) throw refuse("a size of 4 GB without the zip64 field that states it: fetch it again");
    return Number(view.getBigUint64(at - 8, true));
  });
}

/** Finds the data of files whose headers lie near each other, which are read together. */
async function locateAll(group: readonly Central[], directory: DataView, read: Read, refuse: Refuse): Promise<void> {
  const from = group[0].header;
  const last = group[group.length - 1];
  const to = last.header + 30 + directory.getUint16(last.central + 28, true);
  const block = await read(from, to, label(last.name));
  const near: Read = async (start, end, field) =>
    end <= to ? new DataView(block.buffer, start - from, end - start) : read(start, end, field);
  for (const entry of group) await locate(entry, directory, near, refuse);
}

/** Compares the local header of a file with its entry in the directory, and finds where its data lie. */
async function locate(entry: Central, directory: DataView, read: Read, refuse: Refuse): Promise<void> {
  const { central, header, end: size } = entry;
  const field = label(entry.name);
  const length = directory.getUint16(central + 28, true);
  const named = header + 30;
  const extra = named + length;
  const view = await read(header, extra, field);
  let same = view.getUint32(0, true) === 0x04034b50 && view.getUint16(26, true) === length;
  for (let i = 0; i < length; i++) same &&= view.getUint8(30 + i) === directory.getUint8(central + 46 + i);
  const flags = directory.getUint16(central + 8, true);
  const crc = directory.getUint32(central + 16, true);
  const begin = extra + view.getUint16(28, true);
  const stated = [view.getUint32(22, true), view.getUint32(18, true)];
  const sizes = stated.includes(0xffffffff)
    ? widen(await read(extra, begin, field), 0, begin - extra, stated, (problem) => refuse(field, problem))
    : stated;
  // Bit 3: size and checksum were not known when the header was written, and stand behind the data.
  const agrees = (value: number, known: number): boolean => value === known || (value === 0 && (flags & 8) !== 0);
  same &&= view.getUint16(6, true) === flags && view.getUint16(8, true) === 0 && agrees(view.getUint32(14, true), crc);
  if (!same || !sizes.every((value) => agrees(value, size))) {
    throw refuse(field, "its two headers in the zip disagree: the file is damaged, fetch it again");
  }
  entry.begin = begin;
  entry.end = begin + size;
}
