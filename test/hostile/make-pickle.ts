import { type MadeZip, makeZip, type ZipPart } from "./make-zip.ts";

/** Pickles put together opcode by opcode. */
export type Code = readonly number[];

const UTF8 = new TextEncoder();
const ascii = (text: string): number[] => [...UTF8.encode(text)];
const u32 = (n: number): number[] => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];

export const MARK: Code = [0x28];
export const TUPLE: Code = [0x74];
export const EMPTY_TUPLE: Code = [0x29];
export const EMPTY_DICT: Code = [0x7d];
export const EMPTY_LIST: Code = [0x5d];
export const REDUCE: Code = [0x52];
export const BUILD: Code = [0x62];
export const SETITEMS: Code = [0x75];
export const APPENDS: Code = [0x65];
export const NONE: Code = [0x4e];
export const TRUE: Code = [0x88];
export const FALSE: Code = [0x89];
export const PERSID: Code = [0x51];
export const STOP: Code = [0x2e];
export const PROTO: Code = [0x80, 2];

export function join(...codes: readonly Code[]): number[] {
  const out: number[] = [];
  for (const code of codes) for (const byte of code) out.push(byte);
  return out;
}

export const text = (value: string): Code => [0x58, ...u32(UTF8.encode(value).length), ...UTF8.encode(value)];
export const global = (name: string): Code => ascii(`c${name.replace(" ", "\n")}\n`);
export const tuple = (...items: readonly Code[]): Code => join(MARK, ...items, TUPLE);
export const call = (name: string, ...args: readonly Code[]): Code => join(global(name), tuple(...args), REDUCE);
export const put = (index: number): Code => [0x72, ...u32(index)];
export const get = (index: number): Code => [0x6a, ...u32(index)];

/** A whole number: BININT, or LONG1 where it is larger. */
export function int(value: number | bigint): Code {
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 2 ** 31)
    return [0x4a, ...u32(value >>> 0)];
  const bytes: number[] = [];
  for (let rest = BigInt(value), i = 0; i < 16; i++, rest >>= 8n) bytes.push(Number(rest & 255n));
  return [0x8a, 16, ...bytes];
}

export function float(value: number): Code {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return [0x47, ...new Uint8Array(view.buffer)];
}

export const ORDERED_DICT: Code = call("collections OrderedDict");

export interface TensorParts {
  rebuild?: string;
  kind?: Code;
  type?: Code;
  key?: Code;
  device?: Code;
  count?: Code;
  offset?: Code;
  size?: Code;
  stride?: Code;
  /** In place of requires_grad and hooks. */
  rest?: Code;
  /** After the five items of the persistent id. */
  more?: Code;
}

/** A tensor [2, 2] of four float32 in storage "0", but for the parts given. */
export function tensor(parts: TensorParts = {}): Code {
  const id = tuple(
    parts.kind ?? text("storage"),
    parts.type ?? global("torch FloatStorage"),
    parts.key ?? text("0"),
    parts.device ?? text("cpu"),
    parts.count ?? int(4),
    parts.more ?? [],
  );
  return call(
    parts.rebuild ?? "torch._utils _rebuild_tensor_v2",
    join(id, PERSID),
    parts.offset ?? int(0),
    parts.size ?? tuple(int(2), int(2)),
    parts.stride ?? tuple(int(2), int(1)),
    parts.rest ?? join(FALSE, ORDERED_DICT),
  );
}

/** A tensor [2, 2] that says its own type, over sixteen bytes: PyTorch has no storage class of that type. */
export function typedTensor(type: string, parts: TensorParts = {}): Code {
  return tensor({
    rebuild: "torch._utils _rebuild_tensor_v3",
    type: global("torch.storage UntypedStorage"),
    count: int(16),
    rest: join(FALSE, ORDERED_DICT, global(type)),
    ...parts,
  });
}

/** An OrderedDict of name and value. */
export function dict(...pairs: readonly (readonly [string, Code])[]): Code {
  return join(ORDERED_DICT, MARK, ...pairs.map(([name, value]) => join(text(name), value)), SETITEMS);
}

export const pickle = (...code: readonly Code[]): Uint8Array => Uint8Array.from(join(PROTO, ...code, STOP));

const SIXTEEN = Uint8Array.from({ length: 16 }, (_, i) => i);

/** The parts of a PyTorch zip around a pickle, with one storage of 16 bytes. */
export function torchParts(
  data: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = { 0: SIXTEEN },
): ZipPart[] {
  return [
    { name: "m/data.pkl", data },
    { name: "m/byteorder", data: UTF8.encode("little") },
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `m/data/${key}`, data: bytes })),
    { name: "m/version", data: UTF8.encode("3\n") },
  ];
}

export function torchZip(data: Uint8Array, storages?: Readonly<Record<string, Uint8Array>>): MadeZip {
  return makeZip(torchParts(data, storages));
}

/** A good file of one tensor, `a`. */
export const GOOD: Uint8Array = pickle(dict(["a", tensor()]));

export const MAGIC: Uint8Array = Uint8Array.of(
  0x80,
  2,
  0x8a,
  10,
  0x6c,
  0xfc,
  0x9c,
  0x46,
  0xf9,
  0x20,
  0x6a,
  0xa8,
  0x50,
  0x19,
  0x2e,
);

export interface LegacyParts {
  magic?: Uint8Array;
  protocol?: Uint8Array;
  machine?: Uint8Array;
  data?: Uint8Array;
  keys?: Uint8Array;
  storages?: readonly Uint8Array[];
}

/** A storage of the legacy layout: its elements as int64, then its bytes. */
export function storage(elements: bigint, bytes: Uint8Array = SIXTEEN): Uint8Array {
  const out = new Uint8Array(8 + bytes.length);
  new DataView(out.buffer).setBigInt64(0, elements, true);
  out.set(bytes, 8);
  return out;
}

/** A tensor of the legacy layout, whose persistent ids have a sixth item. */
export const oldTensor = (parts: TensorParts = {}): Code => tensor({ more: NONE, ...parts });

export function legacy(parts: LegacyParts = {}): Uint8Array {
  const machine = join(EMPTY_DICT, MARK, text("protocol_version"), int(1001), text("little_endian"), TRUE, SETITEMS);
  const all = [
    parts.magic ?? MAGIC,
    parts.protocol ?? pickle(int(1001)),
    parts.machine ?? pickle(machine),
    parts.data ?? pickle(dict(["a", oldTensor()])),
    parts.keys ?? pickle(join(EMPTY_LIST, MARK, text("0"), APPENDS)),
    ...(parts.storages ?? [storage(4n)]),
  ];
  const out = new Uint8Array(all.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of all) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
