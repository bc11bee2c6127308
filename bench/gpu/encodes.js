/* Sentences through whole models. Texts are ids, so that nobody tokenizes. */

/** munjang on some backend. */
export async function munjang(SentenceTransformer, model, name, options) {
  const loaded = await SentenceTransformer.load(model, { onWarning: () => {}, ...options });
  const encode = (texts) => loaded.encode(texts.map((ids) => ({ ids })));
  return { name, about: loaded.backend, encode, dispose: () => loaded.dispose() };
}

/** Three inputs [B, L], and means over each text's own tokens; `size` texts at a time. */
export async function onnx({ InferenceSession, Tensor }, file, name, size) {
  const options = { executionProviders: ["webgpu"], graphOptimizationLevel: "all" };
  const session = await InferenceSession.create(file, options);
  const encode = async (texts) => {
    const out = [];
    for (let at = 0; at < texts.length; at += size) out.push(...(await run(texts.slice(at, at + size))));
    return out;
  };
  async function run(texts) {
    const L = Math.max(...texts.map((ids) => ids.length));
    const [ids, mask] = [new BigInt64Array(texts.length * L), new BigInt64Array(texts.length * L)];
    texts.forEach((text, n) => {
      text.forEach((id, t) => {
        ids[n * L + t] = BigInt(id);
      });
      mask.fill(1n, n * L, n * L + text.length);
    });
    const given = (data) => new Tensor("int64", data, [texts.length, L]);
    const { last_hidden_state: states } = await session.run({
      input_ids: given(ids),
      attention_mask: given(mask),
      token_type_ids: given(new BigInt64Array(ids.length)),
    });
    const { data, dims } = states;
    const H = dims[2];
    const vectors = texts.map(({ length }, n) => {
      const vector = new Float32Array(H);
      for (let t = 0; t < length; t++) for (let h = 0; h < H; h++) vector[h] += data[(n * L + t) * H + h] / length;
      return vector;
    });
    states.dispose();
    return vectors;
  }
  return { name, encode, dispose: () => session.release() };
}

/** The vectors of the first texts against float64's: the worst element, and what is wrong. */
export function check(rows, expected, half) {
  let worst = 0;
  for (const [n, want] of expected.entries()) {
    const row = rows[n];
    if (row?.length !== want.length) return { worst: null, wrong: `vector ${n} has ${row?.length} numbers` };
    for (const [i, x] of want.entries()) {
      const off = Math.abs(row[i] - x);
      if (Number.isNaN(off)) return { worst: null, wrong: `vector ${n} has a NaN` };
      worst = Math.max(worst, off);
    }
  }
  const bound = half ? 5e-3 : 1e-4;
  const size = Math.max(1, ...expected.flat().map(Math.abs));
  return { worst: Number(worst.toPrecision(2)), ...(worst > bound * size && { wrong: `off by ${worst}` }) };
}
