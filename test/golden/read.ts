/** Reads the golden files that reference/golden/pack.py writes: gzip of a JSON header and two pools of numbers. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { SeededConfig } from "../seeded/seeded.ts";

/** The same numbers twice: the float64 reference's, and those the float32 library gives by itself. */
export interface GoldenArray {
  readonly shape: readonly number[];
  /** The reference in float64, kept to 1.5e-11 of each number, row-major. */
  readonly exact: Float64Array;
  /** sentence-transformers in float32, on PyTorch, row-major. */
  readonly library: Float32Array;
}

export interface GoldenModule {
  /** Position in modules.json; the Transformer is 0. */
  readonly index: number;
  /** What the module changed: token embeddings [T,D] or the sentence vector [D]. */
  readonly of: "tokens" | "sentence";
  readonly values: GoldenArray;
}

export interface GoldenText {
  readonly text: string;
  /** As given to `encode`; absent where it was not given. */
  readonly promptName?: string;
  readonly prompt?: string;
  /** Token ids, special tokens included, [T]. */
  readonly ids: readonly number[];
  /** After the embeddings and after every layer, [layers + 1, T, H]. Only chosen rows in the full-size goldens. */
  readonly hidden: GoldenArray;
  /** What every module after the Transformer gave, in order. */
  readonly modules: readonly GoldenModule[];
  /** What `encode` gave, [D]. */
  readonly vector: GoldenArray;
  /** Full-size goldens only: which of the hidden states are kept, and the row of each. */
  readonly layers?: readonly number[];
  readonly row?: number;
}

/** Numbers that are the same on every machine. */
export interface WholeArray {
  readonly shape: readonly number[];
  readonly data: Int8Array | Uint8Array | Float32Array;
}

/** `encode(all texts, options)`. */
export interface GoldenEncode {
  readonly options: {
    readonly normalizeEmbeddings?: boolean;
    readonly truncateDim?: number;
    readonly outputValue?: "token_embeddings";
    readonly precision?: "int8" | "uint8" | "binary" | "ubinary";
  };
  /** [N, D] */
  readonly rows?: GoldenArray;
  /** For `token_embeddings`: [T, H] of every text. */
  readonly tokens?: readonly GoldenArray[];
  /** For a precision: the float32 rows [N, D] of the library, and what it made of them. */
  readonly from?: WholeArray;
  readonly quantised?: WholeArray;
  /** The first so many rows of `from` gave the ranges, where not all did. */
  readonly calibration?: number;
}

export interface Golden {
  readonly model: string;
  readonly about: string;
  /** Versions of everything that made the file. */
  readonly madeWith: Readonly<Record<string, string>>;
  readonly dimension: number;
  readonly maxSeqLength: number;
  readonly similarityFunction: "cosine" | "dot" | "euclidean" | "manhattan";
  readonly prompts: Readonly<Record<string, string>>;
  readonly defaultPromptName: string | null;
  /** Weights with LayerNorm gains of 3 to 5: errors are relative to the row's largest element. */
  readonly outliers: boolean;
  readonly texts: readonly GoldenText[];
  /** Over the texts without a prompt of their own. */
  readonly encode: readonly GoldenEncode[];
  /** [N, N] over the same texts, by each function. */
  readonly similarity: Readonly<Record<string, GoldenArray>>;
  /** The bundled model only: of its model.safetensors. */
  readonly sha256?: string;
  /** Seeded models only: what their weights are made from. */
  readonly config?: SeededConfig;
  readonly seed?: number;
}

/** Numbers in the pools, as the header names them: the first of them, and their shape. */
interface Block {
  readonly at: number;
  readonly shape: readonly number[];
}

/** A text as the header has it. */
interface TextRecord {
  readonly text: string;
  readonly ids: readonly number[];
  readonly hidden?: Block & { readonly layers?: readonly number[]; readonly row?: number };
  readonly modules?: readonly (Block & { readonly index: number; readonly of: "tokens" | "sentence" })[];
  readonly vector: Block;
}

/** A call of `encode` as the header has it. */
interface EncodeRecord {
  readonly options: GoldenEncode["options"];
  readonly rows?: Block;
  readonly tokens?: readonly Block[];
  readonly from?: Parameters<typeof whole>[0];
  readonly quantised?: Parameters<typeof whole>[0];
  readonly calibration?: number;
}

const HERE = new URL("./", import.meta.url);

/** The folder of a tiny model. */
export function goldenFolder(name: string): string {
  return fileURLToPath(new URL(`models/${name}/`, HERE));
}

/** The tiny models, which have a folder under models/. */
export function goldenModels(): string[] {
  return readdirSync(new URL("models/", HERE)).sort();
}

/** The goldens of a tiny model, or of `full-size`, `full-size-outliers`, `bundled`. */
export function readGolden(name: string): Golden {
  return parseGolden(gunzipSync(readFileSync(new URL(`${name}.golden.gz`, HERE))));
}

/** `bytes` as reference/golden/pack.py describes them. */
export function parseGolden(bytes: Uint8Array): Golden {
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + headerLength)));
  if (header.format !== "munjang golden 1") throw new Error(`not a golden file: ${header.format}`);
  const numbers: number = header.numbers;
  const at = 4 + headerLength;
  if (bytes.length !== at + 12 * numbers) throw new Error(`${bytes.length} bytes for ${numbers} numbers`);
  const exact = new Float64Array(gather(bytes, at, numbers, 8).buffer);
  const steps = new Int32Array(gather(bytes, at + 8 * numbers, numbers, 4).buffer);
  const library = climb(exact, steps);

  const array = (block: Block): GoldenArray => {
    const end = block.at + block.shape.reduce((n, d) => n * d, 1);
    return { shape: block.shape, exact: exact.subarray(block.at, end), library: library.subarray(block.at, end) };
  };
  const textOf = (text: TextRecord): GoldenText => ({
    ...text,
    hidden:
      text.hidden === undefined
        ? { shape: [0], exact: exact.subarray(0, 0), library: library.subarray(0, 0) }
        : array(text.hidden),
    layers: text.hidden?.layers,
    row: text.hidden?.row,
    modules: (text.modules ?? []).map((m) => ({ index: m.index, of: m.of, values: array(m) })),
    vector: array(text.vector),
  });
  const encodeOf = (record: EncodeRecord): GoldenEncode => ({
    options: record.options,
    rows: record.rows && array(record.rows),
    tokens: record.tokens?.map(array),
    from: record.from && whole(record.from),
    quantised: record.quantised && whole(record.quantised),
    calibration: record.calibration,
  });
  const similarity: Record<string, GoldenArray> = {};
  for (const [name, block] of Object.entries(header.similarity ?? {})) similarity[name] = array(block as Block);
  return {
    ...header,
    madeWith: header["made with"],
    texts: header.texts.map(textOf),
    encode: (header.encode ?? []).map(encodeOf),
    similarity,
  };
}

/** Undoes the planes: all first bytes, then all second bytes, … */
function gather(bytes: Uint8Array, at: number, count: number, size: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(count * size);
  for (let plane = 0; plane < size; plane++) {
    for (let i = 0; i < count; i++) out[i * size + plane] = bytes[at + plane * count + i];
  }
  return out;
}

/** The library's float32s: `steps` float32s away from the rounded exact ones. */
function climb(exact: Float64Array, steps: Int32Array): Float32Array {
  const out = Float32Array.from(exact);
  const bits = new Int32Array(out.buffer);
  for (let i = 0; i < bits.length; i++) {
    const rung = (bits[i] >= 0 ? bits[i] : -(bits[i] & 0x7fffffff)) + steps[i];
    bits[i] = rung >= 0 ? rung : -rung | 0x80000000;
  }
  return out;
}

function whole(block: { dtype: string; shape: number[]; data: string }): WholeArray {
  const { buffer } = Uint8Array.from(Buffer.from(block.data, "base64"));
  const view = { int8: Int8Array, uint8: Uint8Array, float32: Float32Array }[block.dtype];
  if (view === undefined) throw new Error(`no array of ${block.dtype}`);
  return { shape: block.shape, data: new view(buffer) };
}
