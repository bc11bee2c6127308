import type { Batch } from "../../base/batch.ts";
import { refuse } from "../../base/door.ts";
import { fail } from "../../base/errors.ts";
import type { Tensor } from "../../base/tensor.ts";
import { sizeOf } from "../../base/tensor.ts";
import type { Activation, Embeddings, Kernels, Linear, Norm } from "../kernels.ts";
import { attention as attentionCode, BLOCK } from "./attention.ts";
import { PANEL, STEP, shapeOf, THIN, TILE, thin, tile } from "./linear.ts";
import { panelsOf } from "./panels.ts";
import { queueOf } from "./queue.ts";
import { embed as embedCode, layerNorm as layerNormCode } from "./rows.ts";
import { type GpuBuffer, USAGE } from "./types.ts";

/** Kernels of a device, which may be lost under them. */
export interface GpuKernels<B = GpuBuffer> extends Kernels<B> {
  /** Waits until everything asked for so far is there. @throws ModelError where there was no memory for it, or it was not allowed. */
  settled(): Promise<void>;
  /** Why the device is lost, or undefined while it is not. */
  lost(): string | undefined;
}

export interface GpuOptions {
  /** Keeps the weights of linear layers as float16. */
  readonly half: boolean;
  /** Bytes a shader may see of a buffer, at most. */
  readonly binding: number;
  /** Up to how many tokens `thin` products are faster. */
  readonly few: number;
}

/** A weight in panels; one too large for a buffer is in several parts. */
interface Panels extends Linear<GpuBuffer> {
  readonly parts: readonly { readonly weight: GpuBuffer; readonly bias: GpuBuffer; readonly shape: GpuBuffer }[];
}

/** A workgroup a token; every adapter has that many in one direction. */
export const MOST_TOKENS = 65_535;

/**
 * BERT's four operations as compute shaders. Operations are recorded, not run: `read` submits them all at once, waits, and copies back. A
 * batch's lengths and positions are uploaded when the first operation of it is recorded.
 */
export function gpuKernels(device: GPUDevice, options: GpuOptions): GpuKernels {
  const { half, binding, few } = options;
  const name = half ? "webgpu-float16" : "webgpu";
  const queue = queueOf(device, name);
  const { buffer, dispatch } = queue;
  /** Tokens and blocks of tokens that the batch now recorded has. */
  const sizes = buffer(4, USAGE.uniform);
  let tokens = buffer(2);
  let blocks = buffer(4);
  let room = 1;
  let current: Batch | undefined;
  let currentTokens = -1;
  let blockCount = 0;

  /** Tells the shaders how many tokens there are. */
  function setTokens(T: number): void {
    if (T === currentTokens) return;
    if (T > MOST_TOKENS) refuse("tokensPerBatch", `${name} takes ${MOST_TOKENS} tokens at a time`, T);
    currentTokens = T;
    queue.write(sizes, new Uint32Array([T, 0, 0, 0]));
  }

  function makeRoom(T: number): void {
    if (T <= room) return;
    queue.free(tokens, blocks);
    room = T;
    tokens = buffer(2 * T);
    blocks = buffer(4 * T);
  }

  function setBatch(batch: Batch): void {
    const T = batch.ids.length;
    setTokens(T);
    if (batch === current) return;
    makeRoom(T);
    current = batch;
    const pairs = new Uint32Array(2 * T);
    for (let t = 0; t < T; t++) pairs.set([batch.positions[t], batch.typeIds[t]], 2 * t);
    queue.write(tokens, pairs);
    const found: number[] = [];
    for (let n = 0; n + 1 < batch.starts.length; n++) {
      const end = batch.starts[n + 1];
      for (let t = batch.starts[n]; t < end; t += BLOCK) found.push(t, batch.starts[n], end, 0);
    }
    queue.write(blocks, new Uint32Array(found));
    blockCount = found.length / 4;
  }

  return {
    name,
    copies: true,
    alloc(length) {
      if (4 * length > binding) {
        refuse(
          "tokensPerBatch",
          `the adapter's buffers have ${binding} bytes at most, and one of ${4 * length} was asked for`,
        );
      }
      return buffer(length);
    },
    reserve: (_, T) => makeRoom(T),
    write: (to, values) => queue.write(to, values),
    prepare(weight: Tensor<Float32Array>, bias: Tensor<Float32Array>): Panels {
      const [N, K] = weight.shape;
      const data = weight.data.subarray(weight.offset, weight.offset + N * K);
      const biases = new Float32Array(Math.ceil(N / PANEL) * PANEL);
      biases.set(bias.data.subarray(bias.offset, bias.offset + sizeOf(bias.shape)));
      const parts = [];
      for (const { first, panels, data: packed } of panelsOf(data, N, K, half, binding)) {
        const shape = buffer(4, USAGE.uniform);
        queue.write(shape, shapeOf(K, N, first));
        const part = biases.slice(first, first + panels * PANEL);
        parts.push({ weight: queue.filled(packed), bias: queue.filled(part), shape });
      }
      return { weight: parts[0].weight, bias: parts[0].bias, in: K, out: N, parts };
    },
    read: (from, length) => queue.read(from, length),
    settled: () => queue.settled(),
    lost: () => queue.lost(),
    async dispose() {
      queue.dispose();
    },

    embed(out, words, { position, type }: Embeddings<GpuBuffer>, batch, H) {
      setBatch(batch);
      dispatch(`embed ${H}`, () => embedCode(H), [out, words, position, type, tokens], currentTokens);
    },
    linear(out, x, w: Linear<GpuBuffer>, T: number, act?: Activation) {
      setTokens(T);
      const kernel = { fours: w.in % 4 === 0, steps: w.in % STEP === 0, foursOut: w.out % 4 === 0, act, half };
      const isThin = T <= few && kernel.fours;
      const key = `${isThin ? "thin" : "tile"} ${Object.values(kernel)}`;
      for (const { weight, bias, shape } of (w as Panels).parts) {
        const code = (): string => (isThin ? thin : tile)(kernel);
        dispatch(
          key,
          code,
          [out, x, weight, bias, sizes, shape],
          bias.length / PANEL,
          Math.ceil(T / (isThin ? THIN : TILE)),
        );
      }
    },
    attention(out, qkv, batch, heads, H) {
      setBatch(batch);
      dispatch(`attention ${heads} ${H}`, () => attentionCode(heads, H), [out, qkv, blocks], blockCount, heads);
    },
    layerNorm(out, x, residual, { gain, shift, epsilon }: Norm<GpuBuffer>, T, H) {
      const all = residual === null ? [x] : [x, residual];
      const others = all.filter((input) => input !== out);
      const inPlace = others.length < all.length;
      if (all.length - others.length > 1) fail(undefined, "layerNorm", "of webgpu adds two buffers, not one to itself");
      const kernel = { H, epsilon, others: others.length as 0 | 1 | 2, inPlace };
      const key = `layerNorm ${H} ${epsilon} ${others.length} ${inPlace}`;
      dispatch(key, () => layerNormCode(kernel), [out, gain, shift, ...others], T);
    },
  };
}
