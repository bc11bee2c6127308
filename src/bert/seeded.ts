import { tensor } from "../base/tensor.ts";
import type { Linear, Loading, Norm } from "../kernels/kernels.ts";
import type { BertConfig } from "./config.ts";
import type { BertWeights } from "./forward.ts";

/*
 * A model of nobody's: weights out of a generator, of the sizes trained ones have, so that attention chooses and numbers stay near 1. For
 * trying a backend before it is trusted, and for measuring it.
 */

/** Numbers of some standard deviation around 0, the same ones every time: a 32-bit generator, four of whose steps make nearly a bell. */
export function bell(seed = 1): (length: number, deviation: number) => Float32Array {
  let state = seed | 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2147483648;
  };
  return (length, deviation) => {
    const values = new Float32Array(length);
    // A sum of four uniforms on -1 … 1 has the variance 4/3.
    const scale = deviation * Math.sqrt(3 / 4);
    for (let i = 0; i < length; i++) values[i] = (next() + next() + next() + next()) * scale;
    return values;
  };
}

/** Hands a backend weights of a model of these sizes, `whole` numbers if it can compute with those, in the order in which a file's would come. */
export function seededWeights<B>(kernels: Loading<B>, config: BertConfig, whole = false): BertWeights<B> {
  const { hiddenSize: H, intermediateSize: I, layers, positions, types } = config;
  const numbers = bell();
  kernels.expect?.(layers * (4 * H * H + 2 * H * I));
  const upload = (values: Float32Array): B => {
    const buffer = kernels.alloc(values.length);
    kernels.write(buffer, values);
    return buffer;
  };
  const linear = (out: number, input: number, strength: number): Linear<B> => {
    const deviation = strength / Math.sqrt(input);
    const bias = tensor(numbers(out, 0.02), [out]);
    if (!whole || kernels.prepareWhole === undefined) {
      return kernels.prepare(tensor(numbers(out * input, deviation), [out, input]), bias);
    }
    const data = Int8Array.from(numbers(out * input, 32));
    const sum = new Int32Array(out);
    for (const [i, q] of data.entries()) sum[Math.floor(i / input)] += q;
    const [scale, balance] = [new Float32Array(out).fill(deviation / 32), new Float32Array(input).fill(1)];
    return kernels.prepareWhole({ data, shape: [out, input], scale, sum, balance }, bias);
  };
  const norm = (): Norm<B> => ({
    gain: upload(numbers(H, 0.1).map((x) => 1 + x)),
    shift: upload(numbers(H, 0.05)),
    epsilon: config.epsilon,
  });
  return {
    embeddings: { position: upload(numbers(positions * H, 0.2)), type: upload(numbers(types * H, 0.2)) },
    embeddingNorm: norm(),
    layers: Array.from({ length: layers }, () => ({
      qkv: linear(3 * H, H, 1.5),
      attentionOut: linear(H, H, 0.5),
      attentionNorm: norm(),
      up: linear(I, H, 1.25),
      down: linear(H, I, 0.75),
      outputNorm: norm(),
    })),
  };
}
