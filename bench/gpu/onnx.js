/* A model of one MatMul as the bytes of an ONNX file: protocol buffers are numbered fields, each a number or so many bytes. */

function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

const number = (field, value) => Uint8Array.from([...varint(8 * field), ...varint(value)]);

function bytes(field, ...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [Uint8Array.from([...varint(8 * field + 2), ...varint(length)]), ...parts];
}

const text = (field, value) => bytes(field, new TextEncoder().encode(value));
const FLOAT = 1;

/** `name`, of float32: ValueInfoProto. */
function value(field, name, dims) {
  const shape = dims.flatMap((size) => bytes(1, number(1, size)));
  return bytes(field, ...text(1, name), ...bytes(2, ...bytes(1, number(1, FLOAT), ...bytes(2, ...shape))));
}

/** y [T,N] = x [T,K] · w [K,N], with the weights in it. */
export function matMulModel({ T, K, N, turned }) {
  const node = [...text(1, "x"), ...text(1, "w"), ...text(2, "y"), ...text(4, "MatMul")];
  const raw = new Uint8Array(turned.buffer, turned.byteOffset, turned.byteLength);
  const weight = [number(1, K), number(1, N), number(2, FLOAT), ...text(8, "w"), ...bytes(9, raw)];
  const graph = [
    ...bytes(1, ...node),
    ...text(2, "product"),
    ...bytes(5, ...weight),
    ...value(11, "x", [T, K]),
    ...value(12, "y", [T, N]),
  ];
  const model = [number(1, 8), ...bytes(7, ...graph), ...bytes(8, ...text(1, ""), number(2, 17))];
  const out = new Uint8Array(model.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of model) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
