import type { Hostile } from "./hostile.ts";
import {
  APPENDS,
  BUILD,
  type Code,
  call,
  dict,
  EMPTY_DICT,
  EMPTY_LIST,
  EMPTY_TUPLE,
  FALSE,
  float,
  GOOD,
  get,
  global,
  int,
  join,
  legacy,
  MAGIC,
  MARK,
  NONE,
  ORDERED_DICT,
  oldTensor,
  PERSID,
  pickle,
  put,
  REDUCE,
  SETITEMS,
  storage,
  type TensorParts,
  TRUE,
  tensor,
  text,
  torchZip,
  tuple,
  typedTensor,
} from "./make-pickle.ts";

/* Pickles that call, pickles that break a rule of PyTorch's, pickles as bombs, and the legacy layout. */

type Case = readonly [string, () => Uint8Array, RegExp];

const UTF8 = new TextEncoder();
const ascii = (value: string): Code => [...UTF8.encode(value)];

const RUNS = /data\.pkl byte \d+: "[^"]+" has no place among weights: nothing is run/;
const NO_OPCODE = (name: string) =>
  new RegExp(`data\\.pkl byte \\d+: opcode \\d+ \\(${name}\\) has no place among weights`);

/** Code in place of a tensor's value. */
const inDict = (...code: Code[]): Uint8Array => pickle(dict(["a", join(...code)]));

const CALLS: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["os.system", inDict(call("os system", text("touch /tmp/owned"))), RUNS],
  ["posix.system", inDict(call("posix system", text("id"))), RUNS],
  ["nt.system", inDict(call("nt system", text("id"))), RUNS],
  ["builtins.eval", inDict(call("builtins eval", text("1+1"))), RUNS],
  ["builtins.exec", inDict(call("builtins exec", text("import os"))), RUNS],
  ["__builtin__.eval, of Python 2", inDict(call("__builtin__ eval", text("1"))), RUNS],
  ["builtins.getattr", inDict(call("builtins getattr", global("os system"), text("x"))), RUNS],
  ["builtins.__import__", inDict(call("builtins __import__", text("os"))), RUNS],
  ["subprocess.Popen", inDict(call("subprocess Popen", text("id"))), RUNS],
  ["sys.modules", inDict(global("sys modules")), RUNS],
  ["importlib.import_module", inDict(call("importlib import_module", text("os"))), RUNS],
  ["pickle.loads", inDict(call("pickle loads", text("x"))), RUNS],
  ["torch.load", inDict(call("torch load", text("x"))), RUNS],
  ["torch.hub.load", inDict(call("torch.hub load", text("x"))), RUNS],
  ["torch.serialization.load", inDict(call("torch.serialization load", text("x"))), RUNS],
  ["numpy.core.multiarray._reconstruct", inDict(call("numpy.core.multiarray _reconstruct")), RUNS],
  ["torch.nn.modules.linear.Linear", inDict(global("torch.nn.modules.linear Linear"), EMPTY_TUPLE, [0x81]), RUNS],
  ["a class of the file's own", inDict(call("__main__ Model")), RUNS],
  ["a global before anything else", pickle(call("os system", text("id"))), RUNS],
  ["a global in a key", pickle(join(ORDERED_DICT, MARK, global("os system"), tensor(), SETITEMS)), RUNS],
  ["a global in the hooks", inDict(tensor({ rest: join(FALSE, call("os system", text("id"))) })), RUNS],
  [
    "a global in _metadata",
    pickle(dict(["a", tensor()]), EMPTY_DICT, text("_metadata"), global("os system"), [0x73], BUILD),
    RUNS,
  ],
  ["a global in a persistent id", inDict(tensor({ type: global("os system") })), RUNS],
  ["a global as key of a storage", inDict(tensor({ key: global("os system") })), RUNS],
  ["REDUCE within REDUCE", inDict(call("os system", call("builtins eval", text("1")))), RUNS],
  ["a dotted global", inDict(global("collections OrderedDict.__init__")), RUNS],
  ["a global named __proto__", inDict(global("__proto__ __proto__")), RUNS],
  ["a global named constructor", inDict(global("constructor constructor")), RUNS],
  ["a global without a module", inDict(global(" OrderedDict")), RUNS],
  ["an allowed name of another module", inDict(call("torch OrderedDict")), RUNS],
  ["an allowed name with a space", inDict(ascii("ccollections\nOrderedDict \n")), RUNS],
  ["torch._utils._rebuild_tensor", inDict(tensor({ rebuild: "torch._utils _rebuild_tensor" })), RUNS],
  ["torch.bits8", inDict(typedTensor("torch bits8")), RUNS],
  ["torch.float32 as a type of its own", inDict(typedTensor("torch float32")), RUNS],
  ["torch._utils._rebuild_sparse_tensor", inDict(call("torch._utils _rebuild_sparse_tensor")), RUNS],
  ["torch._utils._rebuild_qtensor", inDict(call("torch._utils _rebuild_qtensor")), RUNS],
  ["torch.QInt8Storage", inDict(tensor({ type: global("torch QInt8Storage") })), RUNS],
  ["a name that does not end", pickle(ascii(`c${"a".repeat(300)}\nb\n`)), /a name of more than 256 bytes/],
  ["REDUCE of a tuple", inDict(EMPTY_TUPLE, EMPTY_TUPLE, REDUCE), /REDUCE of something that is no known name/],
  ["REDUCE of a string", inDict(text("os.system"), EMPTY_TUPLE, REDUCE), /REDUCE of something/],
  ["REDUCE with a list", inDict(global("collections OrderedDict"), EMPTY_LIST, REDUCE), /REDUCE of something/],
  ["REDUCE with a string", inDict(global("collections OrderedDict"), text("x"), REDUCE), /REDUCE of something/],
  ["a storage class called", inDict(call("torch FloatStorage", int(4))), /torch.FloatStorage with arguments/],
  ["OrderedDict of numbers", inDict(call("collections OrderedDict", int(4))), /OrderedDict with arguments/],
  [
    "OrderedDict of a list of numbers",
    inDict(call("collections OrderedDict", join(EMPTY_LIST, int(4), [0x61]))),
    /OrderedDict with arguments/,
  ],
  [
    "OrderedDict of two things",
    inDict(call("collections OrderedDict", EMPTY_LIST, EMPTY_LIST)),
    /OrderedDict with arguments/,
  ],
  ["BUILD with __setstate__ of a tensor", inDict(tensor(), EMPTY_DICT, BUILD), /BUILD of something that is no dict/],
  ["BUILD of a storage", inDict(tuple(text("storage")), EMPTY_DICT, BUILD), /BUILD of something/],
  ["BUILD of a name", inDict(global("collections OrderedDict"), EMPTY_DICT, BUILD), /BUILD of something/],
  ["BUILD with a tuple of slots", pickle(dict(["a", tensor()]), tuple(NONE, EMPTY_DICT), BUILD), /BUILD of something/],
  ["NEWOBJ", inDict(global("collections OrderedDict"), EMPTY_TUPLE, [0x81]), NO_OPCODE("NEWOBJ")],
  ["NEWOBJ_EX", inDict(global("collections OrderedDict"), EMPTY_TUPLE, EMPTY_DICT, [0x92]), NO_OPCODE("NEWOBJ_EX")],
  ["INST", inDict(MARK, ascii("ios\nsystem\n")), NO_OPCODE("INST")],
  ["OBJ", inDict(MARK, global("collections OrderedDict"), [0x6f]), NO_OPCODE("OBJ")],
  ["EXT1", inDict([0x82, 1]), NO_OPCODE("EXT1")],
  ["EXT2", inDict([0x83, 1, 0]), NO_OPCODE("EXT2")],
  ["EXT4", inDict([0x84, 1, 0, 0, 0]), NO_OPCODE("EXT4")],
  ["STACK_GLOBAL", inDict(text("os"), text("system"), [0x93]), NO_OPCODE("STACK_GLOBAL")],
  ["FRAME", Uint8Array.of(0x80, 2, 0x95, 1, 0, 0, 0, 0, 0, 0, 0, 0x2e), NO_OPCODE("FRAME")],
  [
    "protocol 4",
    Uint8Array.of(0x80, 4, 0x95, 1, 0, 0, 0, 0, 0, 0, 0, 0x2e),
    /data.pkl byte 0: pickle protocol 4: save it again .* pickle_protocol=2/,
  ],
  ["a protocol of 6", Uint8Array.of(0x80, 6, 0x2e), /pickle protocol 6/],
  ["PERSID of text", inDict(ascii("Pstorage\n")), /opcode 80 has no place/],
  ["an opcode nobody knows", pickle([0xff]), /opcode 255 has no place/],
  ["a pickle of text, protocol 0", UTF8.encode("(dp0\nS'a'\np1\nI1\ns."), /opcode 100 has no place/],
];

const NEVER = /arguments PyTorch never gives it/;
const NO_STORAGE = /a persistent id that is no storage/;
const LEADS_OUT = /a: \[.*leads out of its storage/;
const TOO_OFTEN = /a: with it the tensors take over 2 times the bytes of the file/;

const withTensor = (parts: TensorParts): Uint8Array => pickle(dict(["a", tensor(parts)]));
const withTyped = (type: string, parts: TensorParts = {}): Uint8Array => pickle(dict(["a", typedTensor(type, parts)]));

const RULES: readonly (readonly [string, Uint8Array, RegExp])[] = [
  // the machine
  ["STOP of an empty stack", Uint8Array.of(0x80, 2, 0x2e), /takes from an empty stack/],
  ["a type that is text", withTyped("torch uint16", { rest: join(FALSE, ORDERED_DICT, text("torch.uint16")) }), NEVER],
  ["a storage in place of a type", withTyped("torch FloatStorage"), NEVER],
  ["no type where one belongs", withTyped("torch uint16", { rest: join(FALSE, ORDERED_DICT) }), NEVER],
  [
    "nine things about a tensor",
    withTyped("torch uint16", { rest: join(FALSE, ORDERED_DICT, global("torch uint16"), NONE, NONE) }),
    NEVER,
  ],
  ["a typed tensor beyond its bytes", withTyped("torch uint64"), LEADS_OUT],
  [
    "a parameter with state and nothing else",
    inDict(call("torch._utils _rebuild_parameter_with_state", tensor(), FALSE, ORDERED_DICT)),
    NEVER,
  ],
  [
    "a parameter with state that is no tensor",
    inDict(call("torch._utils _rebuild_parameter_with_state", int(1), FALSE, ORDERED_DICT, EMPTY_DICT)),
    NEVER,
  ],
  [
    "a parameter with a state that calls",
    inDict(
      call("torch._utils _rebuild_parameter_with_state", tensor(), FALSE, ORDERED_DICT, call("os system", text("id"))),
    ),
    RUNS,
  ],
  [
    "complex numbers beyond their storage",
    withTensor({ type: global("torch ComplexFloatStorage") }),
    /its storage 0 has 16 bytes, and the pickle says 32/,
  ],
  ["values left over", pickle(int(1), dict()), /values are left over/],
  ["a mark left over", pickle(MARK), /takes from an empty stack/],
  ["a tuple without a mark", pickle([0x74]), /no mark on the stack/],
  ["a pair from below a mark", pickle(text("a"), int(1), MARK, [0x73]), /takes from an empty stack/],
  ["TUPLE2 of one", pickle(int(1), [0x86]), /takes from an empty stack/],
  ["half a pair", pickle(EMPTY_DICT, MARK, int(1), SETITEMS), /or half a pair/],
  ["pairs for a list", pickle(EMPTY_LIST, MARK, int(1), int(2), SETITEMS), /adds to something that is no dict/],
  ["items for a dict", pickle(EMPTY_DICT, MARK, int(1), APPENDS), /adds to something that is no list/],
  ["items for a tuple", pickle(EMPTY_TUPLE, MARK, int(1), APPENDS), /adds to something that is no list/],
  ["a place of the memo nothing was put in", pickle([0x68, 9]), /nothing stands at place 9/],
  ["a place of the memo far away", pickle(int(1), put(0xffffffff)), /places in the memo \(4294967295\)/],
  ["a memo of nothing", pickle([0x71, 0]), /takes from an empty stack/],
  ["a string that is not UTF-8", pickle([0x58, 1, 0, 0, 0, 0xff]), /a string that is not UTF-8/],
  ["half a surrogate", pickle([0x58, 3, 0, 0, 0, 0xed, 0xa0, 0x80]), /a string that is not UTF-8/],
  ["a string of 4 GB", pickle([0x58, 0xff, 0xff, 0xff, 0xff]), /a string of 4294967295 bytes/],
  ["a string of 70,000 bytes", pickle(text("a".repeat(70_000))), /a string of 70000 bytes/],
  ["a string that ends too soon", Uint8Array.of(0x80, 2, 0x58, 9, 0, 0, 0, 65), /the pickle goes on/],
  ["a number that ends too soon", Uint8Array.of(0x80, 2, 0x4a, 1, 1), /the pickle goes on/],
  ["a long that ends too soon", Uint8Array.of(0x80, 2, 0x8a, 10, 1), /the pickle goes on/],
  ["a name that ends too soon", UTF8.encode("cos\nsyst"), /the pickle goes on/],
  ["no STOP", GOOD.slice(0, -1), /the pickle goes on/],
  // the dict
  ["a number instead of a dict", pickle(int(1)), /data.pkl: holds no dict of tensors/],
  ["a tensor instead of a dict", pickle(tensor()), /holds no dict of tensors/],
  ["a list instead of a dict", pickle(EMPTY_LIST), /holds no dict of tensors/],
  ["a name instead of a dict", pickle(global("collections OrderedDict")), /holds no dict of tensors/],
  [
    "a tensor whose name is a number",
    pickle(join(ORDERED_DICT, MARK, int(7), tensor(), SETITEMS)),
    /data.pkl = 7: a tensor's name must be text/,
  ],
  [
    "a tensor whose name is a dict",
    pickle(join(ORDERED_DICT, MARK, EMPTY_DICT, tensor(), SETITEMS)),
    /name must be text/,
  ],
  ["a tensor twice", pickle(dict(["a", tensor()], ["a", tensor()])), /a: stands twice/],
  ["__proto__ twice", pickle(dict(["__proto__", tensor()], ["__proto__", tensor()])), /__proto__: stands twice/],
  ["a number in place of a tensor", pickle(dict(["__proto__", int(1)])), /__proto__: is no tensor/],
  [
    "a dict in place of a tensor: a checkpoint",
    pickle(dict(["state_dict", dict(["a", tensor()])])),
    /state_dict: is no tensor/,
  ],
  ["a dict that holds itself", pickle(EMPTY_DICT, put(0), text("a"), get(0), [0x73]), /a: is no tensor/],
  ["None in place of a tensor", pickle(dict(["a", NONE])), /a: is no tensor/],
  // the tensor
  ["five arguments", withTensor({ rest: [] }), NEVER],
  ["eight arguments", withTensor({ rest: join(FALSE, ORDERED_DICT, NONE, NONE) }), NEVER],
  [
    "no storage",
    pickle(
      dict(["a", call("torch._utils _rebuild_tensor_v2", NONE, int(0), EMPTY_TUPLE, EMPTY_TUPLE, FALSE, ORDERED_DICT)]),
    ),
    NEVER,
  ],
  [
    "a tensor as storage",
    pickle(
      dict([
        "a",
        call("torch._utils _rebuild_tensor_v2", tensor(), int(0), EMPTY_TUPLE, EMPTY_TUPLE, FALSE, ORDERED_DICT),
      ]),
    ),
    NEVER,
  ],
  [
    "a parameter of no tensor",
    pickle(dict(["a", call("torch._utils _rebuild_parameter", int(1), FALSE, ORDERED_DICT)])),
    NEVER,
  ],
  [
    "a parameter of two arguments",
    pickle(dict(["a", call("torch._utils _rebuild_parameter", tensor(), FALSE)])),
    NEVER,
  ],
  ["a negative offset", withTensor({ offset: int(-1) }), NEVER],
  ["an offset that is a float", withTensor({ offset: float(0.5) }), NEVER],
  ["an offset of 1e300", withTensor({ offset: float(1e300) }), NEVER],
  ["an offset of NaN", withTensor({ offset: float(Number.NaN) }), NEVER],
  ["an offset of 2^53", withTensor({ offset: int(2n ** 53n) }), NEVER],
  ["an offset of 2^70", withTensor({ offset: int(2n ** 70n) }), NEVER],
  ["an offset that is true", withTensor({ offset: TRUE }), NEVER],
  ["an offset that is text", withTensor({ offset: text("0") }), NEVER],
  ["an offset past the end", withTensor({ offset: int(1) }), LEADS_OUT],
  ["an offset far away", withTensor({ offset: int(2 ** 52) }), LEADS_OUT],
  ["a size that is a list", withTensor({ size: EMPTY_LIST, stride: EMPTY_TUPLE }), NEVER],
  ["a negative size", withTensor({ size: tuple(int(-2), int(-2)) }), NEVER],
  ["a size of 2^40 squared", withTensor({ size: tuple(int(2 ** 40), int(2 ** 40)) }), LEADS_OUT],
  [
    "a size of 2^40 squared times 0 strides",
    withTensor({ size: tuple(int(2 ** 40), int(2 ** 40)), stride: tuple(int(0), int(0)) }),
    LEADS_OUT,
  ],
  ["a size beyond the storage", withTensor({ size: tuple(int(3), int(2)) }), LEADS_OUT],
  ["a negative stride", withTensor({ stride: tuple(int(-2), int(1)) }), NEVER],
  ["a stride of 2^52", withTensor({ stride: tuple(int(2 ** 52), int(1)) }), LEADS_OUT],
  ["a stride too large by one", withTensor({ stride: tuple(int(3), int(1)) }), LEADS_OUT],
  ["one stride for two axes", withTensor({ stride: tuple(int(1)) }), NEVER],
  ["three strides for two axes", withTensor({ stride: tuple(int(1), int(1), int(1)) }), NEVER],
  [
    "65 axes",
    withTensor({
      size: tuple(...Array.from({ length: 65 }, () => int(1))),
      stride: tuple(...Array.from({ length: 65 }, () => int(1))),
    }),
    NEVER,
  ],
  [
    "a million elements out of four",
    withTensor({ size: tuple(int(1000), int(1000)), stride: tuple(int(0), int(0)) }),
    TOO_OFTEN,
  ],
  [
    "no stride at all, five thousand times over",
    withTensor({ size: tuple(int(5000)), stride: tuple(int(0)) }),
    TOO_OFTEN,
  ],
  [
    "a shape whose product is no number, infinity times zero",
    withTensor({
      size: tuple(...Array.from({ length: 40 }, () => int(0x7fffffff)), int(0)),
      stride: tuple(...Array.from({ length: 41 }, () => int(1))),
    }),
    LEADS_OUT,
  ],
  // the storage
  ["a persistent id that is text", pickle(dict(["a", join(text("storage"), PERSID)])), NO_STORAGE],
  ["a persistent id of nothing", pickle(dict(["a", join(EMPTY_TUPLE, PERSID)])), NO_STORAGE],
  ["a module as persistent id", withTensor({ kind: text("module") }), NO_STORAGE],
  ["a storage of no type", withTensor({ type: NONE }), NO_STORAGE],
  ["a storage whose type is text", withTensor({ type: text("torch.FloatStorage") }), NO_STORAGE],
  ["a storage whose type is a function", withTensor({ type: global("torch._utils _rebuild_parameter") }), NO_STORAGE],
  ["a storage whose key is a number", withTensor({ key: int(0) }), NO_STORAGE],
  ["a storage on no device", withTensor({ device: NONE }), NO_STORAGE],
  ["a storage of -1 elements", withTensor({ count: int(-1) }), NO_STORAGE],
  ["a storage of 1.5 elements", withTensor({ count: float(1.5) }), NO_STORAGE],
  ["a storage of 2^53 elements", withTensor({ count: int(2n ** 53n) }), NO_STORAGE],
  [
    "a storage of 2^52 elements",
    withTensor({ count: int(2 ** 52) }),
    /a: its storage 0 has 16 bytes, and the pickle says 18014398509481984/,
  ],
  ["a storage of three elements", withTensor({ count: int(3) }), /its storage 0 has 16 bytes, and the pickle says 12/],
  [
    "a storage of another type",
    withTensor({ type: global("torch DoubleStorage") }),
    /its storage 0 has 16 bytes, and the pickle says 32/,
  ],
  ["a view of a storage", withTensor({ more: tuple(text("1"), int(0), int(4)) }), NO_STORAGE],
  ["seven items of a persistent id", withTensor({ more: join(NONE, NONE) }), NO_STORAGE],
];

const repeat = (code: Code, times: number): Uint8Array => {
  const out = new Uint8Array(code.length * times);
  for (let i = 0; i < times; i++) out.set(code, i * code.length);
  return out;
};

/** A pickle of one code again and again, between others. */
function many(before: Code, code: Code, times: number, after: Code = []): Uint8Array {
  const middle = repeat(code, times);
  const out = new Uint8Array(2 + before.length + middle.length + after.length + 1);
  out.set([0x80, 2, ...before]);
  out.set(middle, 2 + before.length);
  out.set([...after, 0x2e], 2 + before.length + middle.length);
  return out;
}

/** Tuples of a thousand times `code`, so many of them on the stack. */
function inTuples(code: Code, tuples: number): Uint8Array {
  return many([], join(MARK, [...repeat(code, 1000)], [0x74]), tuples);
}

/** `count` names for one tensor. */
function manyTensors(count: number, parts: TensorParts = {}): Uint8Array {
  const head = join([0x80, 2], ORDERED_DICT, text("first"), tensor(parts), put(0), [0x73]);
  const pairs = Array.from({ length: count }, (_, i) => join(text(`t${i}`), get(0), [0x73]));
  const out = new Uint8Array(head.length + pairs.reduce((n, pair) => n + pair.length, 0) + 1);
  out.set(head);
  let at = head.length;
  for (const pair of pairs) {
    out.set(pair, at);
    at += pair.length;
  }
  out[at] = 0x2e;
  return out;
}

const BOMBS: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
  ["a million values on the stack", () => many([], [0x4e], 1_000_000), /too many values on the stack/],
  ["a million marks", () => many([], [0x28], 1_000_000), /too many marks/],
  ["thirty million numbers in a list", () => many(EMPTY_LIST, [0x4e, 0x61], 30_000_000), /more than 100000 tensors/],
  ["two million lists in a list", () => many(EMPTY_LIST, [0x5d, 0x61], 2_000_000), /more than 100000 tensors/],
  ["two million dicts in a list", () => many(EMPTY_LIST, [0x7d, 0x61], 2_000_000), /more than 100000 tensors/],
  ["two million tuples in a list", () => many(EMPTY_LIST, [0x4e, 0x85, 0x61], 2_000_000), /more than 100000 tensors/],
  [
    "two million strings in a list",
    () => many(EMPTY_LIST, join([0x55, 2, 65, 66], [0x61]), 2_000_000),
    /more than 100000 tensors/,
  ],
  [
    "two million floats in a list",
    () => many(EMPTY_LIST, join(float(0.1), [0x61]), 2_000_000),
    /more than 100000 tensors/,
  ],
  [
    "two million OrderedDicts in a list",
    () =>
      many(
        join(global("collections OrderedDict"), put(0), EMPTY_TUPLE, REDUCE, EMPTY_LIST),
        join(get(0), EMPTY_TUPLE, REDUCE, [0x61]),
        2_000_000,
      ),
    /more than 100000 tensors/,
  ],
  [
    "two million numbers of 255 bytes",
    () => many(EMPTY_LIST, join([0x8a, 255], new Array(255).fill(0x7f), [0x61]), 200_000),
    /a number of 255 bytes/,
  ],
  [
    "strings of 65,536 bytes, a thousand of them",
    () => many(EMPTY_LIST, join(text("a".repeat(65_536)), [0x61]), 500),
    /data.pkl byte \d+: more text/,
  ],
  [
    "one string, four million times",
    () => many(join(text("a".repeat(65_536)), put(0), EMPTY_LIST), join(get(0), [0x61]), 5_000_000),
    /more than 100000 tensors/,
  ],
  ["two million numbers in tuples", () => inTuples([0x4e], 2_100), /too many values for/],
  ["two million lists in tuples", () => inTuples([0x5d], 2_000), /too many containers and strings/],
  ["two million dicts in tuples", () => inTuples([0x7d], 2_000), /too many containers and strings/],
  ["two million tuples in tuples", () => inTuples([0x4e, 0x85], 2_000), /too many containers and strings/],
  ["two million strings in tuples", () => inTuples([0x55, 2, 65, 66], 2_000), /too many containers and strings/],
  ["two million floats in tuples", () => inTuples(float(0.1), 2_000), /too many containers and strings/],
  ["lists within lists, a million deep", () => many(EMPTY_LIST, [0x85], 990_000), /too many containers/],
  [
    "a billion laughs: each list ten times the one before",
    () =>
      pickle(
        EMPTY_LIST,
        put(0),
        ...Array.from({ length: 200 }, (_, i) =>
          join(MARK, ...Array.from({ length: 10 }, () => get(i)), [0x74], put(i + 1)),
        ),
      ),
    /left over/,
  ],
  [
    "a memo of two million",
    () => {
      const out = new Uint8Array(3 + 5 * 2_000_000 + 1);
      const view = new DataView(out.buffer);
      out.set([0x80, 2, 0x4e]);
      for (let i = 0; i < 2_000_000; i++) {
        out[3 + 5 * i] = 0x72;
        view.setUint32(4 + 5 * i, i, true);
      }
      out[out.length - 1] = 0x2e;
      return out;
    },
    /places in the memo/,
  ],
  [
    "a memo that leaps",
    () => pickle(...Array.from({ length: 2000 }, (_, i) => join(NONE, put(i * 900), [0x85]))),
    /values are left over|places in the memo|no dict/,
  ],
  ["100,001 tensors", () => manyTensors(100_001), /more than 100000 tensors/],
  ["1,000,000 tensors", () => manyTensors(1_000_000), /more than 100000 tensors|too many/],
  ["a name without an end, 30 MB", () => many([0x63], [0x61], 30_000_000), /a name of more than 256 bytes/],
];

/** Tied tensors are stored once: a small file must not stand for a large model. */
function oftenTied(): Uint8Array {
  const size = tuple(int(100), int(100));
  const data = manyTensors(1000, { count: int(10_000), size, stride: tuple(int(100), int(1)) });
  return torchZip(data, { 0: new Uint8Array(40_000) }).bytes;
}

/** Every tensor reaches from one end of a storage to the other: each read would be of the whole. */
function farReaching(): Uint8Array {
  const stride = tuple(int(9999));
  const data = manyTensors(100, { count: int(10_000), size: tuple(int(2)), stride });
  return torchZip(data, { 0: new Uint8Array(40_000) }).bytes;
}

const LEGACY: readonly Case[] = [
  [
    "tensors that reach over their storage",
    farReaching,
    /t\d+: with it the tensors lie over 4 times the bytes of the file/,
  ],
  [
    "tensors that are one, a thousand times",
    oftenTied,
    /t\d+: with it the tensors take over 2 times the bytes of the file/,
  ],
  [
    "a magic number of another",
    () => legacy({ magic: pickle(int(7)) }),
    /magic number = 7: this is a pickle, but none that torch.save wrote/,
  ],
  ["a magic number of text", () => legacy({ magic: pickle(text("torch")) }), /magic number = "torch"/],
  ["any other pickle", () => pickle(dict()), /magic number/],
  [
    "a pickle that calls",
    () => pickle(call("os system", text("id"))),
    /magic number byte \d+: "os.system" has no place/,
  ],
  [
    "a pickle that calls in its protocol",
    () => legacy({ protocol: pickle(call("os system", text("id"))) }),
    /protocol byte \d+: "os.system" has no place/,
  ],
  [
    "a pickle that calls in what it says of its machine",
    () => legacy({ machine: pickle(call("os system", text("id"))) }),
    /machine byte \d+: "os.system" has no place/,
  ],
  [
    "a pickle that calls in its keys",
    () => legacy({ keys: pickle(call("os system", text("id"))) }),
    /keys byte \d+: "os.system" has no place/,
  ],
  ["a protocol of 1002", () => legacy({ protocol: pickle(int(1002)) }), /protocol = 1002: must be 1001/],
  ["a protocol of text", () => legacy({ protocol: pickle(text("1001")) }), /protocol = "1001"/],
  [
    "big-endian",
    () => legacy({ machine: pickle(EMPTY_DICT, text("little_endian"), FALSE, [0x73]) }),
    /machine: must say little/,
  ],
  ["no word about the order of bytes", () => legacy({ machine: pickle(EMPTY_DICT) }), /machine: must say little/],
  ["a list about the machine", () => legacy({ machine: pickle(EMPTY_LIST) }), /machine: must say little/],
  ["a model instead of its tensors", () => legacy({ data: pickle(int(1)) }), /holds no dict of tensors/],
  [
    "a source of code as persistent id",
    () =>
      legacy({
        data: pickle(
          dict([
            "a",
            join(tuple(text("module"), global("collections OrderedDict"), text("x.py"), text("code")), PERSID),
          ]),
        ),
      }),
    /no storage of PyTorch/,
  ],
  [
    "a view of a storage, of PyTorch 0.3",
    () => legacy({ data: pickle(dict(["a", oldTensor({ more: tuple(text("1"), int(0), int(4)) })])) }),
    /no storage of PyTorch/,
  ],
  ["keys that are no list", () => legacy({ keys: pickle(int(1)) }), /keys: must be a list/],
  ["no keys", () => legacy({ keys: pickle(EMPTY_LIST) }), /the end: bytes after \d+ belong to no storage/],
  ["no keys and no storages", () => legacy({ keys: pickle(EMPTY_LIST), storages: [] }), /storage 0: is missing/],
  ["a key of a number", () => legacy({ keys: pickle(EMPTY_LIST, int(0), [0x61]) }), /storage 0: no tensor uses it/],
  ["a key nobody uses", () => legacy({ keys: pickle(EMPTY_LIST, text("9"), [0x61]) }), /storage 9: no tensor uses it/],
  [
    "a key named __proto__",
    () => legacy({ keys: pickle(EMPTY_LIST, text("__proto__"), [0x61]) }),
    /storage __proto__: no tensor uses it/,
  ],
  [
    "a key twice",
    () =>
      legacy({ keys: pickle(EMPTY_LIST, MARK, text("0"), text("0"), APPENDS), storages: [storage(4n), storage(4n)] }),
    /storage 0: no tensor uses it, or it stands twice/,
  ],
  [
    "another number of elements",
    () => legacy({ storages: [storage(3n)] }),
    /storage 0 = 3n: the pickle says 4 elements/,
  ],
  ["-1 elements", () => legacy({ storages: [storage(-1n)] }), /storage 0 = -1n/],
  ["2^62 elements", () => legacy({ storages: [storage(2n ** 62n)] }), /storage 0 = 4611686018427387904n/],
  [
    "a storage cut short",
    () => legacy({ storages: [storage(4n, new Uint8Array(15))] }),
    /storage 0 = 16: the file is cut short/,
  ],
  [
    "a storage that claims a petabyte",
    () => legacy({ data: pickle(dict(["a", oldTensor({ count: int(2 ** 48) })])) }),
    /storage 0 = 1125899906842624: the file is cut short/,
  ],
  [
    "a byte after the last storage",
    () => legacy({ storages: [storage(4n, new Uint8Array(17))] }),
    /the end: bytes after \d+ belong to no storage/,
  ],
  [
    "one storage as two types",
    () => legacy({ data: pickle(dict(["a", oldTensor()], ["b", oldTensor({ type: global("torch IntStorage") })])) }),
    /b: its storage 0 is another elsewhere/,
  ],
  [
    "one storage of two lengths",
    () => legacy({ data: pickle(dict(["a", oldTensor()], ["b", oldTensor({ count: int(9) })])) }),
    /b: its storage 0 is another elsewhere/,
  ],
  ["cut in the first pickle", () => MAGIC.slice(0, 9), /magic number byte \d+: the pickle goes on/],
  ["cut in the fourth pickle", () => legacy().slice(0, 150), /data.pkl byte \d+: the pickle goes on/],
  ["a pickle of 30 MB", () => legacy({ data: many(EMPTY_LIST, [0x4e, 0x61], 15_000_000) }), /more than 100000 tensors/],
  // no PyTorch file
  ["nothing", () => new Uint8Array(0), /byteLength = 0/],
  ["one byte", () => Uint8Array.of(0x80), /byteLength = 1/],
  [
    "a tar archive",
    () => {
      const out = new Uint8Array(1024);
      out.set(UTF8.encode("storages"));
      out.set(UTF8.encode("ustar"), 257);
      return out;
    },
    /the first bytes: this is a tar archive/,
  ],
  [
    "a Git LFS pointer",
    () => UTF8.encode("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
    /git lfs pull/,
  ],
  ["a web page", () => UTF8.encode("<!DOCTYPE html><html></html>"), /this is a web page or JSON/],
  ["JSON", () => UTF8.encode('{"error":"not found"}'), /this is a web page or JSON/],
  ["HDF5", () => Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10), /this is no PyTorch file/],
  ["gzip", () => Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0), /this is no PyTorch file/],
  ["zeros", () => new Uint8Array(5000), /this is no PyTorch file/],
];

export const PICKLES: readonly Hostile[] = [
  ...[...CALLS, ...RULES].map(
    ([name, data, says]): Hostile => ({
      name: `pickle: ${name}`,
      file: "pytorch_model.bin",
      bytes: () => torchZip(data).bytes,
      says,
    }),
  ),
  ...BOMBS.map(
    ([name, data, says]): Hostile => ({
      name: `pickle: ${name}`,
      file: "pytorch_model.bin",
      bytes: () => torchZip(data()).bytes,
      says,
    }),
  ),
  ...LEGACY.map(([name, bytes, says]): Hostile => ({ name: `file: ${name}`, file: "pytorch_model.bin", bytes, says })),
];
