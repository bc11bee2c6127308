import type { EncodingIds } from "../base/batch.ts";
import { refuse } from "../base/door.ts";
import type { QuantisedTensor, Tensor, TensorSource } from "../base/tensor.ts";
import { layOut } from "../bert/batch.ts";
import type { BertConfig } from "../bert/config.ts";
import { scratch } from "../bert/forward.ts";
import { loadWords, reader, type WholeLinears } from "../bert/weights.ts";
import type { Linear, Norm } from "../kernels/kernels.ts";
import { type Address, arena, PAGE } from "../kernels/wasm/arena.ts";
import { storing, writeConstants } from "../kernels/wasm/index.ts";
import { checkInputs } from "../kernels/wasm/int8/inputs.ts";
import { FIRST_FREE } from "../kernels/wasm/module.ts";
import { seats, takeSeat } from "../kernels/wasm/seat.ts";
import { compile, panelOf, variant } from "../kernels/wasm/variants.ts";
import { balanceOf, columnRanges, quantiseWeight } from "./weight.ts";

/*
 * A float32 model to whole numbers, product by product in the order in which a text runs through them. Before a product the numbers it will
 * be given are there, so its balance can be chosen; then its weight is quantised, run as it was, and let go of: no more than one float32
 * weight is in memory, and what the next product sees are the activations of the float32 model.
 */

/** Tokens the model is measured with, at most: 27 KB each for BERT-base. Our own text has some 600. */
const MOST_TOKENS = 8192;

/** A model on its way to whole numbers. */
export interface Calibration {
  /** The weights of a layer; to be asked for in their order, since each is run when it is asked for. */
  readonly next: WholeLinears;
  /** The last layer's hidden states of the float32 model, once all weights have been asked for.   [T,H] */
  hidden(): Promise<Float32Array>;
}

/**
 * @param texts what the model is measured with, as it will read them.
 * @throws ModelError where a tensor is missing or damaged, or WebAssembly forbidden.
 */
export async function calibrate(
  source: TensorSource,
  config: BertConfig,
  texts: readonly EncodingIds[],
  signal?: AbortSignal,
): Promise<Calibration> {
  const { hiddenSize: H, heads, activation } = config;
  const T = texts.reduce((sum, { ids }) => sum + ids.length, 0);
  if (T > MOST_TOKENS) {
    refuse(
      "calibration",
      `has too many tokens to run at once; ${MOST_TOKENS} are plenty, so leave most of the texts out`,
      T,
    );
  }
  const batch = layOut(texts, config);
  const kind = variant("wasm", 128);
  const panel = panelOf(kind);
  const module = await compile(kind, false).catch((cause: unknown) =>
    refuse("dtype", `${FORBIDDEN} (${cause})`, "int8"),
  );
  const memory = new WebAssembly.Memory({ initial: 1, maximum: PAGE });
  const room = arena(memory, FIRST_FREE);
  writeConstants(room);
  const [seat] = seats({ module, name: kind.name, panel }, 1, room.take, config, T);
  const kernels = await takeSeat(seat, memory, never);
  const s = scratch(storing(room, panel), config, T);
  const read = reader(source, signal, true);

  const upload = async (name: string, shape: readonly number[]): Promise<Address> => {
    const { data } = await read.tensor(name, shape);
    const at = room.take(data.length);
    kernels.write(at, data);
    return at;
  };
  const norm = async (name: string): Promise<Norm<Address>> => ({
    gain: await upload(`${name}.LayerNorm.weight`, [H]),
    shift: await upload(`${name}.LayerNorm.bias`, [H]),
    epsilon: config.epsilon,
  });

  const tables = {
    position: await upload("embeddings.position_embeddings.weight", [config.positions, H]),
    type: await upload("embeddings.token_type_embeddings.weight", [config.types, H]),
  };
  const norms: Record<string, Norm<Address>> = { embeddings: await norm("embeddings") };
  for (let i = 0; i < config.layers; i++) {
    for (const part of ["attention.output", "output"]) {
      const stem = `encoder.layer.${i}.${part}`;
      norms[stem] = await norm(stem);
    }
  }
  const words = new Float32Array(T * H);
  await (await loadWords(source, config, "source")).read(batch.ids, words);
  kernels.write(s.branch, words);
  kernels.embed(s.x, s.branch, tables, batch, H);
  kernels.layerNorm(s.x, s.x, null, norms.embeddings, T, H);
  /** Every weight takes the place of the one before. */
  const place = room.take(0);

  /** What each product is given, and what is done with it up to the next; as in `bert/forward.ts`. */
  const products: Record<string, { input: Address; run(w: Linear<Address>, stem: string): void }> = {
    "attention.self": {
      input: s.x,
      run(w) {
        kernels.linear(s.qkv, s.x, w, T);
        kernels.attention(s.context, s.qkv, batch, heads, H);
      },
    },
    "attention.output": {
      input: s.context,
      run(w, stem) {
        kernels.linear(s.branch, s.context, w, T);
        kernels.layerNorm(s.x, s.branch, s.x, norms[stem], T, H);
      },
    },
    intermediate: { input: s.x, run: (w) => kernels.linear(s.wide, s.x, w, T, activation) },
    output: {
      input: s.wide,
      run(w, stem) {
        kernels.linear(s.branch, s.wide, w, T);
        kernels.layerNorm(s.x, s.branch, s.x, norms[stem], T, H);
      },
    },
  };

  return {
    async next(stem, parts, out, K) {
      checkInputs(K, 7);
      const named = (kind: string): string[] => parts.map((part) => `${stem}.${part}.${kind}`);
      const weight = await read.stacked(named("weight"), [out, K]);
      const bias = await read.stacked(named("bias"), [out]);
      const { input, run } = products[stem.replace(/^encoder\.layer\.\d+\./, "")];
      const quantised = quantise(weight, await kernels.read(input, T * K));
      run(storing(arena(memory, place), panel).prepare(weight, bias), stem);
      read.done(weight);
      return { weight: quantised, bias };
    },
    hidden: () => kernels.read(s.x, T * H),
  };
}

const FORBIDDEN =
  "a float32 model is quantised by WebAssembly, which does not run here: convert it elsewhere, with `munjang convert`, and load what comes out";

function never(): never {
  throw new Error("the calibration text runs with floats");
}

/** A weight [N,K], balanced for the inputs [T,K] it was given. */
function quantise({ data, shape: [N, K] }: Tensor<Float32Array>, inputs: Float32Array): QuantisedTensor {
  return quantiseWeight(data, N, K, balanceOf(columnRanges(inputs, K), columnRanges(data, K), 4));
}
