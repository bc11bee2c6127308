/**
 * Weights made of a name, an index and a seed: the twin of reference/golden/seeded.py, to the bit.
 *
 * Integer operations, + and × only, so that any language gives the same float32: a 32-bit hash of (tensor name, element, seed),
 * twice, gives four 16-bit uniforms; their sum, centred, is an integer of nearly normal distribution; one multiplication in float64,
 * one addition, one rounding to float32. A full-size model is 467 MB that nobody has to store.
 */
import {
  type RowSource,
  sizeOf,
  type Tensor,
  type TensorInfo,
  type TensorSource,
  tensor,
} from "../../src/base/tensor.ts";

/** The fields of a BERT's config.json that decide what tensors it has. */
export interface SeededConfig {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly max_position_embeddings: number;
  readonly type_vocab_size: number;
}

/** KR-SBERT's shape, as its config.json would say it: 116,761,344 numbers. */
export const seededConfig = {
  model_type: "bert",
  architectures: ["BertModel"],
  vocab_size: 40000,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  hidden_act: "gelu",
  max_position_embeddings: 512,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
  pad_token_id: 0,
} as const;

export interface SeededOptions {
  /** Another seed, another model. Default 1. */
  readonly seed?: number;
  /** Four channels with LayerNorm gains of 3 to 5, as real BERTs have. Default false. */
  readonly outliers?: boolean;
}

/** One over the standard deviation of the sum of four uniforms on 0..65535, 65536 / √3. */
const UNIT = 2.6429e-5;
/** Spreads the centred sum, -131070..131070, over -0.1..0.1. */
const GAIN = 7.6295e-7;
/**
 * Four channels of what each layer hands on are three to five times as large as the rest. In the middle of the layer they are taken
 * back: gains above 1 in every LayerNorm would feed on themselves until one channel held everything.
 */
const OUTLIER_GAINS = [3, 3.5, 4.25, 5] as const;
const TAKEN_BACK = 0.1875;

/** A bijection of 32 bits in which every input bit moves every output bit. */
function mix(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return x ^ (x >>> 16);
}

function keyOf(name: string, seed: number): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return mix(hash ^ mix(seed));
}

/** Writes elements `start`, `start + 1`, … of a tensor to all of `out`: centre + bell × step, rounded once. */
function fill(out: Float32Array, key: number, start: number, centre: number, step: number): void {
  for (let i = 0; i < out.length; i++) {
    const a = mix((Math.imul(start + i, 0x9e3779b9) + key) | 0);
    const b = mix((a + 0x6d2b79f5) | 0);
    const bell = (a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16) - 131070;
    out[i] = centre + bell * step;
  }
}

/** Every tensor of a BERT of these sizes, in the order of a checkpoint. */
export function seededShapes(config: SeededConfig): Map<string, readonly number[]> {
  const H = config.hidden_size;
  const wide = config.intermediate_size;
  const out = new Map<string, readonly number[]>([
    ["embeddings.word_embeddings.weight", [config.vocab_size, H]],
    ["embeddings.position_embeddings.weight", [config.max_position_embeddings, H]],
    ["embeddings.token_type_embeddings.weight", [config.type_vocab_size, H]],
    ["embeddings.LayerNorm.weight", [H]],
    ["embeddings.LayerNorm.bias", [H]],
  ]);
  const parts: readonly (readonly [string, readonly number[]])[] = [
    ["attention.self.query", [H, H]],
    ["attention.self.key", [H, H]],
    ["attention.self.value", [H, H]],
    ["attention.output.dense", [H, H]],
    ["attention.output.LayerNorm", [H]],
    ["intermediate.dense", [wide, H]],
    ["output.dense", [H, wide]],
    ["output.LayerNorm", [H]],
  ];
  for (let i = 0; i < config.num_hidden_layers; i++) {
    for (const [part, shape] of parts) {
      out.set(`encoder.layer.${i}.${part}.weight`, shape);
      out.set(`encoder.layer.${i}.${part}.bias`, [shape[0]]);
    }
  }
  out.set("pooler.dense.weight", [H, H]);
  out.set("pooler.dense.bias", [H]);
  return out;
}

/** [centre, step] of a tensor. Sizes as in trained BERTs, so that attention is not degenerate. */
function spread(name: string, shape: readonly number[]): readonly [number, number] {
  if (name.endsWith("LayerNorm.weight") || name.endsWith("norm.weight")) return [1, GAIN];
  if (name.endsWith("LayerNorm.bias") || name.endsWith("norm.bias")) return [0, 0.05 * UNIT];
  if (name.endsWith(".bias")) return [0, 0.02 * UNIT];
  if (name.startsWith("embeddings.word_embeddings")) return [0, 0.05 * UNIT];
  if (name.startsWith("embeddings.")) return [0, 0.02 * UNIT];
  // About strength / √inputs, by halving once for every factor of four: 1.25 is 0.039 at 768, 0.0195 at 3072.
  let sigma = strength(name);
  for (let inputs = shape[1]; inputs > 1; inputs >>= 2) sigma *= 0.5;
  return [0, sigma * UNIT];
}

/**
 * Attention sharp enough to choose, branches weak enough beside the stream that tokens are still different after twelve layers: with
 * 1.25 everywhere all tokens are one after six, and attention is uniform.
 */
function strength(name: string): number {
  if (name.includes("attention.self.query") || name.includes("attention.self.key")) return 1.875;
  if (name.includes("attention.output.dense")) return 0.3125;
  if (name.includes("output.dense")) return 0.625;
  return 1.25;
}

/** The four channels that get large gains, the same in every layer, as in trained models. */
export function outlierChannels(H: number): readonly number[] {
  return [0, 1, 2, 3].map((j) => ((H * j) >> 2) + (H >> 3));
}

/** One tensor of a seeded model. */
export function seededTensor(
  name: string,
  shape: readonly number[],
  options: SeededOptions = {},
): Tensor<Float32Array> {
  const data = new Float32Array(sizeOf(shape));
  const [centre, step] = spread(name, shape);
  fill(data, keyOf(name, options.seed ?? 1), 0, centre, step);
  if (options.outliers && name.endsWith("LayerNorm.weight")) {
    outlierChannels(shape[0]).forEach((channel, j) => {
      data[channel] = name.includes("attention.output") ? TAKEN_BACK : OUTLIER_GAINS[j];
    });
  }
  return tensor(data, shape);
}

/** A whole model as a source of tensors: each is made when it is asked for, rows of the word table one by one. */
export function seededSource(config: SeededConfig = seededConfig, options: SeededOptions = {}): TensorSource {
  const shapes = seededShapes(config);
  const shapeOf = (name: string): readonly number[] => {
    const shape = shapes.get(name);
    if (shape === undefined) throw new Error(`a seeded model has no tensor ${name}`);
    return shape;
  };
  return {
    file: "seeded",
    tensors: new Map([...shapes].map(([name, shape]): [string, TensorInfo] => [name, { dtype: "F32", shape }])),
    read: async (name) => seededTensor(name, shapeOf(name), options),
    readFloat32: async (name) => seededTensor(name, shapeOf(name), options),
    rows: async (name) => seededRows(name, shapeOf(name), options),
    ends: async (name) => seededEnds(name, shapeOf(name), options),
  };
}

function seededRows(name: string, shape: readonly number[], options: SeededOptions): RowSource {
  const [rows, width] = shape;
  const [centre, step] = spread(name, shape);
  const key = keyOf(name, options.seed ?? 1);
  return {
    rows,
    width,
    read(ids, out) {
      ids.forEach((id, t) => {
        if (id < 0 || id >= rows) throw new Error(`row ${id} of ${rows}`);
        fill(out.subarray(t * width, (t + 1) * width), key, id * width, centre, step);
      });
    },
  };
}

/** The first and the last 4 KiB of a tensor, all of a small one, without making the rest. */
function seededEnds(name: string, shape: readonly number[], options: SeededOptions): Uint8Array {
  const size = sizeOf(shape);
  const end = 1024; // numbers in 4 KiB
  if (size <= 2 * end) return new Uint8Array(seededTensor(name, shape, options).data.buffer);
  const out = new Float32Array(2 * end);
  if (shape.length === 1) {
    const { data } = seededTensor(name, shape, options); // short, and where outlier gains are
    out.set(data.subarray(0, end));
    out.set(data.subarray(size - end), end);
  } else {
    const [centre, step] = spread(name, shape);
    const key = keyOf(name, options.seed ?? 1);
    fill(out.subarray(0, end), key, 0, centre, step);
    fill(out.subarray(end), key, size - end, centre, step);
  }
  return new Uint8Array(out.buffer);
}

/** A model.safetensors in memory, for shapes small enough to hold twice. */
export function seededSafetensors(config: SeededConfig, options: SeededOptions = {}): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  const shapes = seededShapes(config);
  let end = 0;
  for (const [name, shape] of shapes) {
    const start = end;
    end += 4 * sizeOf(shape);
    header[name] = { dtype: "F32", shape, data_offsets: [start, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const begin = 8 + Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(begin + end).fill(0x20, 8, begin);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(begin - 8), true);
  bytes.set(json, 8);
  let at = begin;
  for (const [name, shape] of shapes) {
    const { data } = seededTensor(name, shape, options);
    bytes.set(new Uint8Array(data.buffer), at);
    at += data.byteLength;
  }
  return bytes;
}
