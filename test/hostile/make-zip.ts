/** Zip files as torch.save writes them, and as nobody should. */

export interface ZipPart {
  readonly name: string | Uint8Array;
  readonly data: Uint8Array;
}

/** A finished archive and where its records stand, so that a test can spoil one. */
export interface MadeZip {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /** Local headers, data, and entries of the central directory, by part. */
  readonly local: readonly number[];
  readonly data: readonly number[];
  readonly central: readonly number[];
  /** The end records. */
  readonly end: number;
  readonly zip64: number;
}

const UTF8 = new TextEncoder();

/** Stored entries, 4-byte extra fields of padding as PyTorch has them, a zip64 end record too. */
export function makeZip(parts: readonly ZipPart[], comment = ""): MadeZip {
  const names = parts.map(({ name }) => (typeof name === "string" ? UTF8.encode(name) : name));
  const note = UTF8.encode(comment);
  let length = 56 + 20 + 22 + note.length;
  parts.forEach(({ data }, i) => {
    length += 30 + 46 + 2 * names[i].length + 8 + data.length;
  });
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  const local: number[] = [];
  const begins: number[] = [];
  const central: number[] = [];
  let at = 0;
  parts.forEach(({ data }, i) => {
    local.push(at);
    view.setUint32(at, 0x04034b50, true);
    view.setUint16(at + 6, 0x0808, true);
    view.setUint16(at + 26, names[i].length, true);
    view.setUint16(at + 28, 8, true);
    bytes.set(names[i], at + 30);
    at += 30 + names[i].length;
    bytes.set([0x46, 0x42, 4, 0, 90, 90, 90, 90], at);
    at += 8;
    begins.push(at);
    bytes.set(data, at);
    at += data.length;
  });
  const directory = at;
  parts.forEach(({ data }, i) => {
    central.push(at);
    view.setUint32(at, 0x02014b50, true);
    view.setUint16(at + 8, 0x0808, true);
    view.setUint32(at + 16, 0x12345678, true);
    view.setUint32(at + 20, data.length, true);
    view.setUint32(at + 24, data.length, true);
    view.setUint16(at + 28, names[i].length, true);
    view.setUint32(at + 42, local[i], true);
    bytes.set(names[i], at + 46);
    at += 46 + names[i].length;
  });
  const zip64 = at;
  view.setUint32(at, 0x06064b50, true);
  view.setBigUint64(at + 4, 44n, true);
  view.setBigUint64(at + 24, BigInt(parts.length), true);
  view.setBigUint64(at + 32, BigInt(parts.length), true);
  view.setBigUint64(at + 40, BigInt(zip64 - directory), true);
  view.setBigUint64(at + 48, BigInt(directory), true);
  at += 56;
  view.setUint32(at, 0x07064b50, true);
  view.setBigUint64(at + 8, BigInt(zip64), true);
  view.setUint32(at + 16, 1, true);
  at += 20;
  const end = at;
  view.setUint32(at, 0x06054b50, true);
  view.setUint16(at + 8, Math.min(parts.length, 0xffff), true);
  view.setUint16(at + 10, Math.min(parts.length, 0xffff), true);
  view.setUint32(at + 12, zip64 - directory, true);
  view.setUint32(at + 16, directory, true);
  view.setUint16(at + 20, note.length, true);
  bytes.set(note, at + 22);
  return { bytes, view, local, data: begins, central, end, zip64 };
}
