import type { Hostile } from "./hostile.ts";
import { dict, GOOD, int, pickle, tensor, text, torchParts, torchZip } from "./make-pickle.ts";
import { type MadeZip, makeZip, type ZipPart } from "./make-zip.ts";

/* PyTorch zips that break one rule of the archive each, and archives as bombs. */

const UTF8 = new TextEncoder();
const NAMES = torchParts(GOOD).map(({ name }) => name);
const TENSOR = NAMES.indexOf("m/data/0");

/** A good file, spoilt. */
function spoilt(change: (made: MadeZip) => void): () => Uint8Array {
  return () => {
    const made = torchZip(GOOD);
    change(made);
    return made.bytes;
  };
}

/** A good file with parts added. */
function withParts(...parts: ZipPart[]): () => Uint8Array {
  return () => makeZip([...torchParts(GOOD), ...parts]).bytes;
}

const part = (name: string | Uint8Array, data: Uint8Array = Uint8Array.of(1)): ZipPart => ({ name, data });

/** Without a zip64 record: one bit of its locator's signature is wrong, so readers take the old one, which then ends too late. */
function no64({ bytes, end, zip64, view }: MadeZip): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length - 76);
  out.set(bytes.subarray(0, zip64));
  out.set(bytes.subarray(end), zip64);
  new DataView(out.buffer).setUint32(zip64 + 12, view.getUint32(end + 12, true), true);
  return out;
}

const cut = (length: (made: MadeZip) => number) => () => {
  const made = torchZip(GOOD);
  return made.bytes.slice(0, length(made));
};

/** Both headers of a part changed alike. */
const both =
  (offset: [number, number], value: number, index = TENSOR) =>
  ({ view, local, central }: MadeZip): void => {
    view.setUint16(local[index] + offset[0], value, true);
    view.setUint16(central[index] + offset[1], value, true);
  };

const DISAGREE = /m\/data\/0: its two headers in the zip disagree/;

export const ZIP_RULES: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
  // the end
  ["nothing but the first bytes", () => UTF8.encode("PK\x03\x04"), /end record: is missing/],
  ["cut in the first file", cut(() => 60), /end record: is missing/],
  ["cut in the data", cut(({ data }) => data[TENSOR] + 3), /end record: is missing/],
  ["cut in the directory", cut(({ central }) => central[2] + 5), /end record: is missing/],
  ["cut before the end record", cut(({ end }) => end), /end record: is missing/],
  ["cut by one byte", cut(({ bytes }) => bytes.length - 1), /end record: is missing/],
  [
    "a megabyte after the end",
    () => {
      const { bytes } = torchZip(GOOD);
      const out = new Uint8Array(bytes.length + 1_000_000);
      out.set(bytes);
      return out;
    },
    /end record: is missing/,
  ],
  ["a byte after the end", () => Uint8Array.of(...torchZip(GOOD).bytes, 0), /end record: is missing/],
  [
    "a comment longer than stated",
    spoilt(({ view, end }) => view.setUint16(end + 20, 1, true)),
    /end record: is missing/,
  ],
  ["no zip64 locator", spoilt(({ view, end }) => view.setUint32(end - 20, 0, true)), /end record.*cut short/],
  ["a zip64 record elsewhere", spoilt(({ view, end }) => view.setBigUint64(end - 12, 4n, true)), /zip64 end record/],
  [
    "a zip64 record beyond the file",
    spoilt(({ view, end }) => view.setBigUint64(end - 12, 1n << 40n, true)),
    /zip64 end record.*outside/,
  ],
  [
    "a zip64 record beyond 2^53",
    spoilt(({ view, end }) => view.setBigUint64(end - 12, (1n << 64n) - 1n, true)),
    /zip64 end record/,
  ],
  [
    "a zip64 record of another signature",
    spoilt(({ view, zip64 }) => view.setUint32(zip64, 7, true)),
    /zip64 end record/,
  ],
  [
    "a zip64 record of another length",
    spoilt(({ view, zip64 }) => view.setBigUint64(zip64 + 4, 45n, true)),
    /zip64 end record/,
  ],
  [
    "a count that differs in zip64",
    spoilt(({ view, zip64 }) => view.setBigUint64(zip64 + 32, 9n, true)),
    /disagrees with the zip64/,
  ],
  [
    "a size that differs in zip64",
    spoilt(({ view, zip64 }) => view.setBigUint64(zip64 + 40, 9n, true)),
    /disagrees with the zip64/,
  ],
  [
    "a place that differs in zip64",
    spoilt(({ view, zip64 }) => view.setBigUint64(zip64 + 48, 9n, true)),
    /disagrees with the zip64/,
  ],
  ["a directory on another disk", spoilt(({ view, zip64 }) => view.setUint32(zip64 + 20, 1, true)), /several parts/],
  ["this is disk 2", spoilt(({ view, zip64 }) => view.setUint32(zip64 + 16, 2, true)), /several parts/],
  [
    "fewer entries on this disk",
    spoilt(({ view, end, zip64 }) => {
      view.setUint16(end + 8, 1, true);
      view.setBigUint64(zip64 + 24, 1n, true);
    }),
    /several parts/,
  ],
  [
    "a directory that begins later",
    () => {
      const made = torchZip(GOOD);
      const bytes = no64(made);
      new DataView(bytes.buffer).setUint32(made.zip64 + 16, made.central[0] + 1, true);
      return bytes;
    },
    /the directory should end at byte/,
  ],
  [
    "a directory larger than the file",
    () => {
      const made = torchZip(GOOD);
      const bytes = no64(made);
      new DataView(bytes.buffer).setUint32(made.zip64 + 12, 0xfffffff0, true);
      return bytes;
    },
    /the directory should end at byte/,
  ],
  // the directory
  [
    "an entry of another signature",
    spoilt(({ view, central }) => view.setUint32(central[1], 0, true)),
    /entry 1 of 4 is missing/,
  ],
  [
    "an entry more than there are",
    spoilt(({ view, end, zip64 }) => {
      for (const at of [end + 8, end + 10]) view.setUint16(at, 5, true);
      for (const at of [zip64 + 24, zip64 + 32]) view.setBigUint64(at, 5n, true);
    }),
    /entry 4 of 5 is missing/,
  ],
  [
    "an entry fewer than there are",
    spoilt(({ view, end, zip64 }) => {
      for (const at of [end + 8, end + 10]) view.setUint16(at, 3, true);
      for (const at of [zip64 + 24, zip64 + 32]) view.setBigUint64(at, 3n, true);
    }),
    /bytes after its last entry/,
  ],
  [
    "ten million entries",
    spoilt(({ view, end, zip64 }) => {
      for (const at of [end + 8, end + 10]) view.setUint16(at, 0xffff, true);
      for (const at of [zip64 + 24, zip64 + 32]) view.setBigUint64(at, 10_000_000n, true);
    }),
    /too many files/,
  ],
  [
    "a name longer than the directory",
    spoilt(({ view, central }) => view.setUint16(central[3] + 28, 60_000, true)),
    /entry 3 runs out/,
  ],
  [
    "an extra field longer than the directory",
    spoilt(({ view, central }) => view.setUint16(central[3] + 30, 60_000, true)),
    /entry 3 runs out/,
  ],
  [
    "a comment longer than the directory",
    spoilt(({ view, central }) => view.setUint16(central[3] + 32, 60_000, true)),
    /entry 3 runs out/,
  ],
  ["a file encrypted", spoilt(both([6, 8], 0x0809)), /m\/data\/0: is encrypted/],
  ["headers encrypted", spoilt(both([6, 8], 0x2808)), /m\/data\/0: is encrypted/],
  ["a deflated tensor", spoilt(both([8, 10], 8)), /m\/data\/0 = 8: is compressed/],
  ["a deflated pickle", spoilt(both([8, 10], 8, 0)), /m\/data.pkl = 8: is compressed/],
  ["a file in bzip2", spoilt(both([8, 10], 12)), /m\/data\/0 = 12: is compressed/],
  ["a file in zstandard", spoilt(both([8, 10], 93)), /m\/data\/0 = 93: is compressed/],
  [
    "a bomb: 10 bytes that claim to be 4 GB",
    spoilt(({ view, central }) => {
      view.setUint16(central[TENSOR] + 10, 8, true);
      view.setUint32(central[TENSOR] + 24, 0xfffffff0, true);
    }),
    /m\/data\/0 = 8: is compressed/,
  ],
  [
    "stored, but of two sizes",
    spoilt(({ view, central }) => view.setUint32(central[TENSOR] + 24, 17, true)),
    /two sizes/,
  ],
  [
    "4 GB and no zip64 field",
    spoilt(({ view, central }) => {
      view.setUint32(central[TENSOR] + 20, 0xffffffff, true);
      view.setUint32(central[TENSOR] + 24, 0xffffffff, true);
    }),
    /m\/data\/0: a size of 4 GB without the zip64 field/,
  ],
  [
    "a place beyond 4 GB and no zip64 field",
    spoilt(({ view, central }) => view.setUint32(central[TENSOR] + 42, 0xffffffff, true)),
    /without the zip64/,
  ],
  // names
  ["a file twice", withParts(part("m/data/0")), /m\/data\/0: stands twice in the zip/],
  ["the pickle twice", withParts(part("m/data.pkl", GOOD)), /m\/data.pkl: stands twice/],
  ["a name that goes up", withParts(part("m/../../etc/passwd")), /a name that leads away/],
  ["a name that begins by going up", withParts(part("../m/x")), /a name that leads away/],
  ["a name that ends by going up", withParts(part("m/..")), /a name that leads away/],
  ["an absolute name", withParts(part("/etc/passwd")), /a name that leads away/],
  ["a name of Windows", withParts(part("C:\\x")), /a name that leads away/],
  ["a name with a backslash", withParts(part("m\\x")), /a name that leads away/],
  ["a name with a zero in it", withParts(part("m/a\0.pkl")), /a name that leads away/],
  ["an empty name", withParts(part("")), /a name that leads away/],
  ["a folder", withParts(part("m/data/")), /a name that leads away/],
  ["a name with two slashes", withParts(part("m//data/1")), /a name that leads away/],
  ["a name of one dot", withParts(part("m/./x")), /a name that leads away/],
  ["a name that is not UTF-8", withParts(part(Uint8Array.of(0x6d, 0x2f, 0xff))), /a name is not UTF-8/],
  ["a file outside the folder", withParts(part("other/x")), /other\/x: lies outside the folder/],
  ["a second model", withParts(part("n/data.pkl", GOOD)), /lies outside the folder/],
  ["a file beside the folder", withParts(part("x")), /x: lies outside the folder/],
  // two headers
  [
    "another name in the local header",
    spoilt(({ bytes, local }) => bytes.set(UTF8.encode("m/data/1"), local[TENSOR] + 30)),
    DISAGREE,
  ],
  [
    "another length of name in the local header",
    spoilt(({ view, local }) => view.setUint16(local[TENSOR] + 26, 7, true)),
    DISAGREE,
  ],
  [
    "other flags in the local header",
    spoilt(({ view, local }) => view.setUint16(local[TENSOR] + 6, 0x0800, true)),
    DISAGREE,
  ],
  ["compressed in the local header", spoilt(({ view, local }) => view.setUint16(local[TENSOR] + 8, 8, true)), DISAGREE],
  [
    "another size in the local header",
    spoilt(({ view, local }) => view.setUint32(local[TENSOR] + 22, 12, true)),
    DISAGREE,
  ],
  [
    "another packed size in the local header",
    spoilt(({ view, local }) => view.setUint32(local[TENSOR] + 18, 12, true)),
    DISAGREE,
  ],
  [
    "another checksum in the local header",
    spoilt(({ view, local }) => view.setUint32(local[TENSOR] + 14, 12, true)),
    DISAGREE,
  ],
  [
    "4 GB in the local header",
    spoilt(({ view, local }) => view.setUint32(local[TENSOR] + 22, 0xffffffff, true)),
    /4 GB without the zip64/,
  ],
  ["no size, and no bit that says so", spoilt(both([6, 8], 0x0800)), DISAGREE],
  [
    "a local header of another signature",
    spoilt(({ view, local }) => view.setUint32(local[TENSOR], 1, true)),
    DISAGREE,
  ],
  [
    "a local header in the data",
    spoilt(({ view, central, data }) => view.setUint32(central[TENSOR] + 42, data[TENSOR], true)),
    DISAGREE,
  ],
  [
    "a local header beyond the file",
    spoilt(({ view, central }) => view.setUint32(central[TENSOR] + 42, 0xfffffff0, true)),
    /outside the file/,
  ],
  // overlap
  [
    "two files in one place",
    () => {
      const made = makeZip([...torchParts(GOOD), part("m/data/1", new Uint8Array(16))]);
      made.view.setUint32(made.central[4] + 42, made.local[TENSOR], true);
      return made.bytes;
    },
    /m\/data\/1: its two headers in the zip disagree/,
  ],
  [
    "data that run into the next file",
    spoilt(({ view, local, central }) => {
      view.setUint32(central[TENSOR] + 20, 60, true);
      view.setUint32(central[TENSOR] + 24, 60, true);
      view.setUint32(local[TENSOR] + 18, 60, true);
      view.setUint32(local[TENSOR] + 22, 60, true);
    }),
    /m\/data\/0: runs to byte \d+, over what begins at/,
  ],
  [
    "an extra field that pushes the data into the next file",
    spoilt(({ view, local }) => view.setUint16(local[TENSOR] + 28, 40, true)),
    /m\/data\/0: runs to byte/,
  ],
  [
    "the last file runs into the directory",
    spoilt(({ view, local }) => view.setUint16(local[3] + 28, 60, true)),
    /m\/version: runs to byte/,
  ],
  // PyTorch's files
  ["a zip of something else", () => makeZip([part("m/x")]).bytes, /data.pkl: is missing: this zip is no PyTorch file/],
  ["a zip of nothing", () => Uint8Array.of(0x50, 0x4b, 5, 6, ...new Array(18).fill(0)), /data.pkl: is missing/],
  ["a pickle without a folder", () => makeZip([part("data.pkl", GOOD)]).bytes, /data.pkl: is missing/],
  ["a pickle too deep", () => makeZip([part("m/n/data.pkl", GOOD)]).bytes, /data.pkl: is missing/],
  ["TorchScript's constants", withParts(part("m/constants.pkl")), /m\/constants.pkl: this is TorchScript/],
  ["TorchScript's code", withParts(part("m/code/__torch__.py")), /m\/code\/__torch__.py: this is TorchScript/],
  [
    "big-endian",
    () =>
      makeZip(torchParts(GOOD).map((p) => (p.name === "m/byteorder" ? part("m/byteorder", UTF8.encode("big")) : p)))
        .bytes,
    /byteorder: must say little/,
  ],
  [
    "an order of bytes nobody knows",
    () =>
      makeZip(torchParts(GOOD).map((p) => (p.name === "m/byteorder" ? part("m/byteorder", new Uint8Array(5000)) : p)))
        .bytes,
    /byteorder: must say little/,
  ],
  ["an empty pickle", () => torchZip(new Uint8Array(0)).bytes, /data.pkl byte 0: the pickle goes on/],
  ["bytes after the pickle", () => torchZip(Uint8Array.of(...GOOD, 0)).bytes, /data.pkl: bytes after the pickle/],
  ["a storage that is missing", () => torchZip(GOOD, {}).bytes, /a = "0": its storage is missing/],
  [
    "a storage cut short",
    () => torchZip(GOOD, { 0: new Uint8Array(15) }).bytes,
    /a: its storage 0 has 15 bytes, and the pickle says 16/,
  ],
  ["a storage too long", () => torchZip(GOOD, { 0: new Uint8Array(17) }).bytes, /a: its storage 0 has 17 bytes/],
  [
    "a storage by a name that goes up",
    () => torchZip(pickle(dict(["a", tensor({ key: text("../data.pkl") })]))).bytes,
    /its storage is missing/,
  ],
  [
    "a storage named __proto__",
    () => torchZip(pickle(dict(["a", tensor({ key: text("__proto__") })]))).bytes,
    /its storage is missing/,
  ],
  // bombs
  [
    "200,000 files",
    () =>
      makeZip([
        ...torchParts(GOOD),
        ...Array.from({ length: 200_000 }, (_, i) => part(`m/data/x${i}`, new Uint8Array(0))),
      ]).bytes,
    /too many files/,
  ],
  [
    "100,000 files, then one twice",
    () =>
      makeZip([
        ...torchParts(GOOD),
        ...Array.from({ length: 100_000 }, (_, i) => part(`m/data/x${i}`, new Uint8Array(0))),
        part("m/data/0"),
      ]).bytes,
    /stands twice/,
  ],
  [
    "100,000 signatures of an end record in a comment",
    () => makeZip(torchParts(GOOD), "PK\x05\x06".repeat(16_000)).bytes.slice(0, -1),
    /end record/,
  ],
  [
    "a shape that claims 10^15 elements",
    () => torchZip(pickle(dict(["a", tensor({ size: int(4), count: int(2 ** 50) })]))).bytes,
    /arguments PyTorch never gives/,
  ],
];

export const ZIPS: readonly Hostile[] = ZIP_RULES.map(([name, bytes, says]) => ({
  name: `zip: ${name}`,
  file: "pytorch_model.bin",
  bytes,
  says,
}));
