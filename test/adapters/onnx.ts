import { openSafetensors } from "munjang/safetensors";

/*
 * A BERT encoder's safetensors as an ONNX file, so that Transformers.js can run the very model that munjang runs. Operators of opset 17,
 * written as onnx.proto says.
 */

export interface Shape {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly hidden_size: number;
  readonly layer_norm_eps: number;
}

const FLOAT = 1;
const INT64 = 7;

/** The file of an encoder whose activation is GELU: input_ids, attention_mask, token_type_ids -> last_hidden_state. */
export async function bertAsOnnx(safetensors: Uint8Array, config: Shape): Promise<Uint8Array> {
  const weights = await openSafetensors(safetensors);
  const [H, heads] = [config.hidden_size, config.num_attention_heads];
  const nodes: Uint8Array[] = [];
  const tensors: Uint8Array[] = [];
  let count = 0;

  const constant = (data: Float32Array | BigInt64Array, dims: readonly number[]): string => {
    const name = `c${count++}`;
    const type = data instanceof Float32Array ? FLOAT : INT64;
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    tensors.push(message(...dims.map((dim) => whole(1, dim)), whole(2, type), text(8, name), bytes(9, raw)));
    return name;
  };
  const scalar = (x: number): string => constant(Float32Array.of(x), []);
  const wholes = (...values: number[]): string => constant(BigInt64Array.from(values, BigInt), [values.length]);
  const index = (x: number): string => constant(BigInt64Array.of(BigInt(x)), []);
  const weight = async (name: string, transposed = false): Promise<string> => {
    const { data, shape } = await weights.readFloat32(name);
    if (!transposed) return constant(data, shape);
    const [out, into] = shape;
    const turned = Float32Array.from(data, (_, i) => data[(i % out) * into + Math.floor(i / out)]);
    return constant(turned, [into, out]);
  };
  const op = (
    type: string,
    inputs: readonly string[],
    attributes: Uint8Array[] = [],
    output = `n${count++}`,
  ): string => {
    const named = inputs.map((input) => text(1, input));
    nodes.push(message(...named, text(2, output), text(4, type), ...attributes.map((one) => bytes(5, one))));
    return output;
  };
  const linear = async (x: string, stem: string): Promise<string> =>
    op("Add", [op("MatMul", [x, await weight(`${stem}.weight`, true)]), await weight(`${stem}.bias`)]);
  const norm = async (x: string, stem: string, output?: string): Promise<string> => {
    const inputs = [x, await weight(`${stem}.weight`), await weight(`${stem}.bias`)];
    return op("LayerNormalization", inputs, [integer("axis", -1), float("epsilon", config.layer_norm_eps)], output);
  };
  const split = async (x: string, stem: string, order: readonly number[]): Promise<string> => {
    const parts = op("Reshape", [await linear(x, stem), wholes(0, 0, heads, H / heads)]);
    return op("Transpose", [parts], [integers("perm", order)]);
  };

  const length = op("Gather", [op("Shape", ["input_ids"]), index(1)]);
  const positions = op("Range", [index(0), length, index(1)]);
  const table = async (name: string, rows: string): Promise<string> =>
    op("Gather", [await weight(`embeddings.${name}_embeddings.weight`), rows]);
  const words = op("Add", [await table("word", "input_ids"), await table("token_type", "token_type_ids")]);
  let x = await norm(op("Add", [words, await table("position", positions)]), "embeddings.LayerNorm");
  const open = op("Cast", ["attention_mask"], [integer("to", FLOAT)]);
  const closed = op("Mul", [op("Sub", [scalar(1), open]), scalar(-1e9)]);
  const mask = op("Unsqueeze", [closed, wholes(1, 2)]);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const stem = `encoder.layer.${layer}`;
    const q = await split(x, `${stem}.attention.self.query`, [0, 2, 1, 3]);
    const k = await split(x, `${stem}.attention.self.key`, [0, 2, 3, 1]);
    const v = await split(x, `${stem}.attention.self.value`, [0, 2, 1, 3]);
    const scores = op("Div", [op("MatMul", [q, k]), scalar(Math.sqrt(H / heads))]);
    const seen = op("Softmax", [op("Add", [scores, mask])], [integer("axis", -1)]);
    const context = op("Transpose", [op("MatMul", [seen, v])], [integers("perm", [0, 2, 1, 3])]);
    const attention = await linear(op("Reshape", [context, wholes(0, 0, H)]), `${stem}.attention.output.dense`);
    x = await norm(op("Add", [attention, x]), `${stem}.attention.output.LayerNorm`);
    const wide = await linear(x, `${stem}.intermediate.dense`);
    const bell = op("Add", [op("Erf", [op("Div", [wide, scalar(Math.SQRT2)])]), scalar(1)]);
    const out = await linear(op("Mul", [op("Mul", [wide, scalar(0.5)]), bell]), `${stem}.output.dense`);
    const last = layer === config.num_hidden_layers - 1 ? "last_hidden_state" : undefined;
    x = await norm(op("Add", [out, x]), `${stem}.output.LayerNorm`, last);
  }

  const graph = message(
    ...nodes.map((node) => bytes(1, node)),
    text(2, "bert"),
    ...tensors.map((tensor) => bytes(5, tensor)),
    ...["input_ids", "attention_mask", "token_type_ids"].map((name) => bytes(11, value(name, INT64, ["N", "L"]))),
    bytes(12, value("last_hidden_state", FLOAT, ["N", "L", H])),
  );
  return message(whole(1, 8), bytes(8, message(text(1, ""), whole(2, 17))), bytes(7, graph));
}

function value(name: string, type: number, dims: readonly (string | number)[]): Uint8Array {
  const each = dims.map((dim) => bytes(1, message(typeof dim === "string" ? text(2, dim) : whole(1, dim))));
  return message(text(1, name), bytes(2, message(bytes(1, message(whole(1, type), bytes(2, message(...each)))))));
}

function float(name: string, x: number): Uint8Array {
  const four = new Uint8Array(Float32Array.of(x).buffer);
  return message(text(1, name), concat([varint(BigInt((2 << 3) | 5)), four]), whole(20, 1));
}

function integer(name: string, x: number): Uint8Array {
  return message(text(1, name), whole(3, x), whole(20, 2));
}

function integers(name: string, values: readonly number[]): Uint8Array {
  return message(text(1, name), ...values.map((x) => whole(8, x)), whole(20, 7));
}

/* Protocol buffers: a field is its number and kind, then a varint, or a length and bytes. */

function message(...fields: Uint8Array[]): Uint8Array {
  return concat(fields);
}

function whole(field: number, x: number): Uint8Array {
  return concat([varint(BigInt(field << 3)), varint(BigInt.asUintN(64, BigInt(x)))]);
}

function bytes(field: number, content: Uint8Array): Uint8Array {
  return concat([varint(BigInt((field << 3) | 2)), varint(BigInt(content.length)), content]);
}

function text(field: number, content: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(content));
}

function varint(x: bigint): Uint8Array {
  const out: number[] = [];
  for (; x > 127n; x >>= 7n) out.push(Number(x & 127n) | 128);
  return Uint8Array.from([...out, Number(x)]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
