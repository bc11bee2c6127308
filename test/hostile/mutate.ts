import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { seeded } from "../formats/bytes.ts";
import { dict, GOOD, int, legacy, oldTensor, pickle, tensor, text, torchZip, tuple } from "./make-pickle.ts";

/* Good files with a few bytes changed, the same ones on every run. */

export interface Mutated {
  readonly file: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const fixture = (path: string): Uint8Array =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../formats/fixtures/${path}`, import.meta.url))));

/** Good files of every layout; the small ones are mostly header. */
function seeds(): [string, Uint8Array][] {
  const strided = { size: tuple(int(2), int(2)), stride: tuple(int(1), int(2)) };
  const tensors = dict(["a", tensor()], ["b", tensor(strided)], ["__proto__", tensor({ key: text("1") })]);
  const sixteen = new Uint8Array(16);
  const index = '{"metadata":{"total_size":1},"weight_map":{"a":"model-1.safetensors"}}';
  return [
    ["pytorch_model.bin", torchZip(GOOD).bytes],
    ["pytorch_model.bin", torchZip(pickle(tensors), { 0: sixteen, 1: sixteen }).bytes],
    ["pytorch_model.bin", legacy()],
    ["pytorch_model.bin", legacy({ data: pickle(dict(["a", oldTensor()], ["b", oldTensor(strided)])) })],
    ["pytorch_model.bin", fixture("containers/dense-chain.zip/3_LayerNorm/pytorch_model.bin")],
    ["pytorch_model.bin", fixture("containers/dense-chain.legacy/2_Dense/pytorch_model.bin")],
    ["pytorch_model.bin", fixture("containers/no-modules.strided/pytorch_model.bin")],
    ["model.safetensors", fixture("torch.safetensors")],
    ["model.safetensors", fixture("containers/no-modules.safetensors-shards/model-00002-of-00003.safetensors")],
    ["model.safetensors.index.json", new TextEncoder().encode(index)],
  ];
}

/** Numbers on which readers trip. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x2e, 0x28, 0x52, 0x63, 0x5d, 0x7d];

/** `count` mutated files: bits flipped, bytes set, parts copied, cut out, put in, numbers made huge, the end cut off. */
export function* mutated(count: number, seed = 2026): Generator<Mutated> {
  const random = seeded(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const good = seeds();
  for (let i = 0; i < count; i++) {
    const [file, from] = good[i % good.length];
    let bytes = new Uint8Array(from);
    for (let change = 1 + below(3); change > 0 && bytes.length > 0; change--) {
      const at = below(bytes.length);
      const length = Math.min(bytes.length - at, 1 + below(24));
      switch (below(8)) {
        case 0:
          bytes[at] ^= 1 << below(8);
          break;
        case 1:
          bytes[at] = below(256);
          break;
        case 2:
          bytes[at] = EDGES[below(EDGES.length)];
          break;
        case 3:
          bytes.fill(below(2) ? 0xff : 0, at, at + length);
          break;
        case 4:
          bytes.copyWithin(at, below(bytes.length), below(bytes.length));
          break;
        case 5:
          bytes = Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + length));
          break;
        case 6:
          bytes = Uint8Array.of(...bytes.subarray(0, at + length), ...bytes.subarray(at));
          break;
        default:
          if (below(4) === 0) bytes = bytes.slice(0, at);
          else bytes[at]++;
      }
    }
    yield { file, bytes };
  }
}
