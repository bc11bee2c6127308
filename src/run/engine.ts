import { refuse } from "../base/door.ts";
import type { BertConfig } from "../bert/config.ts";
import { type BertWeights, type Scratch, scratch } from "../bert/forward.ts";
import type { Loading } from "../kernels/kernels.ts";
import type { Runner } from "./runner.ts";

/** Where a model will compute: it takes the weights first, then starts. */
export interface Engine<B> {
  readonly kernels: Loading<B>;
  /**
   * Makes room for batches of up to `tokens` tokens; called once, after the weights. `again` takes them in once more, where what held them
   * has been lost.
   */
  start(weights: BertWeights<B>, config: BertConfig, tokens: number, again?: LoadAgain<B>): Promise<Runner>;
  /** Gives everything back where loading has failed. */
  dispose(): Promise<void>;
}

export type LoadAgain<B> = (kernels: Loading<B>) => Promise<BertWeights<B>>;

export function roomFor<B>(kernels: Loading<B>, config: BertConfig, tokens: number): Scratch<B> {
  try {
    const room = scratch(kernels, config, tokens);
    kernels.reserve?.(config, tokens);
    return room;
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    return refuse("tokensPerBatch", "there is no memory for a batch of so many tokens", tokens);
  }
}
