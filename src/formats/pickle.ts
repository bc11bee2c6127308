/**
 * Pickles read as data. A pickle is a program for a small stack machine, and Python's machine can call anything; this one calls nothing.
 * GLOBAL pushes a name, if it is on the list; REDUCE asks whether the name and its arguments are a pattern its caller knows. The opcodes
 * are those of `torch.load(weights_only=True)` (torch/_weights_only_unpickler.py); all others are refused by name.
 */
import { ModelError, show } from "../base/errors.ts";
import { TEXT, tooManyTensors, tooMuch } from "./limits.ts";

const EMPTY: unknown[] = [];

/** `{}` and `OrderedDict()`: key, value, key, value, …, as they came. */
export class Dict {
  items: unknown[] = EMPTY; // replaced when there is something: most are the empty hooks of a tensor
}

/** `[…]`. Tuples are plain arrays, and never change. */
export class List {
  items: unknown[] = EMPTY;
}

/** A name the pickle may say, `torch._utils._rebuild_tensor_v2`. It stands for nothing. */
export class Global {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** What a pickle may name, and what that means. */
export interface PickleRules {
  readonly globals: ReadonlySet<string>;
  /** What `name(...args)` describes; undefined where that is no pattern of the format. Throws a string saying what is wrong with it. */
  reduce(name: string, args: readonly unknown[]): unknown;
  /** What a persistent id describes; undefined where it is none of the format. */
  persistent(id: readonly unknown[]): unknown;
}

/** Thrown where the bytes end before the pickle does. */
export class CutShort extends ModelError {}

/** Values on the stack at once. Python's pickler stores a thousand pairs at a time. */
const STACK = 10_000;
/** Bytes of one string: tensor names are short. */
const STRING = 65_536;
/**
 * Values pushed, and lists, dicts, tuples and strings made, for each tensor that is allowed. PyTorch needs 30 and 9, so that some 40,000
 * tensors fit the default: all these live until the pickle ends, in 64 MB.
 */
const PUSHED = 20;
const MADE = 4;
/** Opcodes; PyTorch needs 55. Many push nothing, and a hundred megabytes of them would take seconds. */
const STEPS = 40;
/** How far beyond its end the memo may be written; Python's pickler counts upwards. */
const GAP = 1000;

/** Opcodes of pickles that run code or make objects, for messages. */
const REFUSED: Readonly<Record<number, string>> = {
  ...{ 105: "INST", 111: "OBJ", 129: "NEWOBJ", 130: "EXT1", 131: "EXT2", 132: "EXT4" },
  ...{ 146: "NEWOBJ_EX", 147: "STACK_GLOBAL", 149: "FRAME" },
};

/** The last protocol whose opcodes `torch.load(weights_only=True)` knows; `torch.save` writes 2 unless it is told otherwise. */
const PROTOCOL = 3;

/**
 * Reads the pickle that begins at `start`. `where` names it in messages; `maxTensors` scales the limits on what it may make.
 * @throws ModelError naming the byte and the opcode; `CutShort` where the pickle is longer than `bytes`.
 */
export function unpickle(
  bytes: Uint8Array,
  start: number,
  rules: PickleRules,
  { file, where, maxTensors }: { file: string; where: string; maxTensors: number },
): { value: unknown; next: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const stack: unknown[] = [];
  const marks: number[] = [];
  const memo: unknown[] = [];
  let next = start;
  let op = start; // where the opcode stands
  let pushed = 0;
  let made = 0;
  let steps = 0;
  let room = TEXT * maxTensors; // bytes of strings that may still come

  const here = () => ({ file, field: `${where} byte ${op}` });
  const refuse = (problem: string): ModelError => new ModelError(problem, here());
  const bomb = (what: string): ModelError =>
    refuse(`too many ${what} for weights: raise maxTensors if you trust the file`);

  /** Steps over n bytes and answers where they begin. */
  function take(n: number): number {
    if (n > bytes.length - next) {
      throw new CutShort("the pickle goes on behind the end of its bytes: fetch it again", here());
    }
    next += n;
    return next - n;
  }

  function text(length: number): string {
    if (length > STRING) throw refuse(`a string of ${length} bytes, at most ${STRING}: refused`);
    const from = take(length);
    room -= length;
    if (room < 0) tooMuch("more text than names", file, here().field);
    try {
      return utf8.decode(bytes.subarray(from, next));
    } catch {
      throw refuse("a string that is not UTF-8");
    }
  }

  function line(): string {
    const end = bytes.subarray(next, next + 257).indexOf(10);
    if (end < 0 && bytes.length - next > 256) throw refuse("a name of more than 256 bytes: refused");
    const value = text(end < 0 ? bytes.length - next + 1 : end);
    next++;
    return value;
  }

  function push(value: unknown): void {
    if (stack.length >= STACK) throw bomb("values on the stack");
    if (++pushed > PUSHED * maxTensors) throw bomb("values");
    stack.push(value);
  }

  /** Pushes something that takes memory. */
  function make(value: unknown): void {
    if (++made > MADE * maxTensors) throw bomb("containers and strings");
    push(value);
  }

  function pop(): unknown {
    if (stack.length <= (marks.at(-1) ?? 0)) throw refuse("takes from an empty stack: the pickle is damaged");
    return stack.pop();
  }

  function popMark(): unknown[] {
    const mark = marks.pop();
    if (mark === undefined) throw refuse("no mark on the stack: the pickle is damaged");
    return stack.splice(mark);
  }

  function popMany(n: number): unknown[] {
    const values = new Array<unknown>(n);
    while (n > 0) values[--n] = pop();
    return values;
  }

  /** Adds to the list or dict on top of the stack. */
  function add(Kind: typeof List | typeof Dict, values: readonly unknown[]): void {
    const top = pop();
    if (!(top instanceof Kind) || (Kind === Dict && values.length % 2 !== 0)) {
      throw refuse(`adds to something that is no ${Kind === Dict ? "dict" : "list"}, or half a pair`);
    }
    if (top.items.length > 2 * maxTensors) tooManyTensors(file, where, maxTensors);
    if (top.items === EMPTY) top.items = [];
    for (const value of values) top.items.push(value);
    stack.push(top);
  }

  function put(index: number): void {
    if (index > memo.length + GAP || memo.length > MADE * maxTensors) throw bomb(`places in the memo (${index})`);
    const value = pop();
    stack.push(value);
    memo[index] = value;
  }

  function get(index: number): void {
    const value = memo[index];
    if (value === undefined) throw refuse(`nothing stands at place ${index} of the memo: the pickle is damaged`);
    push(value);
  }

  /** Everything a pickle could do but build tensors. */
  const forbid = (what: string): ModelError =>
    refuse(
      `${what} has no place among weights: nothing is run. If you trust the file, save its tensors as safetensors`,
    );

  function global(): Global {
    const name = `${line()}.${line()}`;
    if (!rules.globals.has(name)) throw forbid(show(name));
    return new Global(name);
  }

  function reduce(): unknown {
    const args = pop();
    const callee = pop();
    if (!(callee instanceof Global) || !Array.isArray(args)) throw refuse("REDUCE of something that is no known name");
    const value = rules.reduce(callee.name, args);
    if (value === undefined) throw refuse(`${callee.name} with arguments PyTorch never gives it: refused`);
    return value;
  }

  function long(): number | bigint {
    const n = bytes[take(1)];
    if (n > 16) throw refuse(`a number of ${n} bytes: refused`);
    const from = take(n);
    let long = 0n;
    for (let i = n - 1; i >= 0; i--) long = (long << 8n) | BigInt(bytes[from + i]);
    long = BigInt.asIntN(8 * n, long);
    return Number.isSafeInteger(Number(long)) ? Number(long) : long;
  }

  for (;;) {
    op = next;
    if (++steps > STEPS * maxTensors) throw bomb("opcodes");
    const code = bytes[take(1)];
    switch (code) {
      case 0x80: // PROTO
        if (bytes[take(1)] > PROTOCOL)
          throw refuse(`pickle protocol ${bytes[next - 1]}: save it again with torch.save's own, pickle_protocol=2`);
        break;
      case 0x2e: {
        const value = pop(); // STOP
        if (stack.length + marks.length > 0) throw refuse("values are left over at the end: the pickle is damaged");
        return { value, next };
      }
      case 0x28: // MARK
        if (marks.push(stack.length) > STACK) throw bomb("marks");
        break;
      case 0x63: // GLOBAL, REDUCE
      case 0x52:
        make(code === 0x63 ? global() : reduce());
        break;
      case 0x51: {
        const id = pop(); // BINPERSID
        const value = Array.isArray(id) ? rules.persistent(id) : undefined;
        if (value === undefined) throw refuse("a persistent id that is no storage of PyTorch's");
        make(value);
        break;
      }
      case 0x62: // BUILD: attributes of a dict (`_metadata`), which say nothing about tensors
        if (!(pop() instanceof Dict) || !(stack.at(-1) instanceof Dict))
          throw refuse("BUILD of something that is no dict");
        break;
      case 0x61: // APPEND, APPENDS
      case 0x65:
        add(List, code === 0x61 ? [pop()] : popMark());
        break;
      case 0x73: // SETITEM, SETITEMS
      case 0x75:
        add(Dict, code === 0x73 ? popMany(2) : popMark());
        break;
      case 0x29:
        push(EMPTY); // EMPTY_TUPLE
        break;
      case 0x85: // TUPLE1, TUPLE2, TUPLE3
      case 0x86:
      case 0x87:
        make(popMany(code - 0x84));
        break;
      case 0x74:
        make(popMark()); // TUPLE
        break;
      case 0x5d: // EMPTY_LIST, EMPTY_DICT
      case 0x7d:
        make(code === 0x5d ? new List() : new Dict());
        break;
      case 0x4e: // NONE, NEWTRUE, NEWFALSE
      case 0x88:
      case 0x89:
        push(code === 0x4e ? null : code === 0x88);
        break;
      case 0x4a:
        push(view.getInt32(take(4), true)); // BININT
        break;
      case 0x4b: // BININT1, BININT2
      case 0x4d:
        push(code === 0x4b ? bytes[take(1)] : view.getUint16(take(2), true));
        break;
      case 0x8a:
        make(long()); // LONG1
        break;
      case 0x47:
        make(view.getFloat64(take(8))); // BINFLOAT
        break;
      case 0x58: // BINUNICODE, and SHORT_BINSTRING of Python 2
      case 0x55:
        make(text(code === 0x58 ? view.getUint32(take(4), true) : bytes[take(1)]));
        break;
      case 0x68: // BINGET, LONG_BINGET
      case 0x6a:
        get(code === 0x68 ? bytes[take(1)] : view.getUint32(take(4), true));
        break;
      case 0x71: // BINPUT, LONG_BINPUT
      case 0x72:
        put(code === 0x71 ? bytes[take(1)] : view.getUint32(take(4), true));
        break;
      default:
        throw forbid(`opcode ${code}${REFUSED[code] ? ` (${REFUSED[code]})` : ""}`);
    }
  }
}
