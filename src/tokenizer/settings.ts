import type { AddedToken } from "./added-tokens.ts";
import type { NormaliserOptions } from "./normalise.ts";

/** Everything a tokenizer's files say, whichever files they are. */
export interface Settings {
  /** Token to id, added tokens excluded. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Marks pieces that go on in a word: `##`. */
  readonly prefix: string;
  /** Words of more code points are unknown. */
  readonly maxWordLength: number;
  readonly normaliser: NormaliserOptions;
  readonly added: readonly AddedToken[];
  readonly special: SpecialTokens;
  readonly modelMaxLength: number | undefined;
  readonly truncationSide: "left" | "right";
  readonly paddingSide: "left" | "right";
  /** Special tokens written in a text are text (`split_special_tokens`). */
  readonly specialTokensAsText: boolean;
  /** What a user should know about these files: where they disagree, and which was followed. */
  readonly warnings: readonly string[];
}

/** The tokens that frame a text, fill it up, and stand for what no token is there for. */
export interface SpecialTokens {
  readonly unk: NamedId;
  readonly cls: NamedId;
  readonly sep: NamedId;
  readonly pad: NamedId;
  readonly mask: NamedId | undefined;
}

/** A token, and its row of the vocabulary. */
export interface NamedId {
  readonly token: string;
  readonly id: number;
}
