import type { SentenceTransformer } from "munjang";
import { segmentsOf } from "./segments.ts";

/** Which texts are embedded sentence by sentence: those the model would cut, all, or none. */
export type Split = "long" | "always" | "never";

export const SPLITS: readonly Split[] = ["long", "always", "never"];

export interface DocumentOptions {
  /** Default "long". */
  readonly split?: Split;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

export interface Documents {
  /** One for each text, [N][D]; of a text in sentences, the mean of their vectors. */
  readonly vectors: Float32Array[];
  /** Texts that were split. */
  readonly split: number;
  /** Texts of which something was cut off, because a sentence, or a text that was not split, is longer than the model reads. */
  readonly cut: number;
}

/** Turns texts of any length into vectors. @throws Error for a text without a character. */
export async function embedDocuments(
  model: SentenceTransformer,
  texts: readonly string[],
  { split = "long", onProgress }: DocumentOptions = {},
): Promise<Documents> {
  const pieces: string[] = [];
  const isCut = (text: string): boolean => model.tokenize(model.identity.prompt + text).truncated;
  /** Where the pieces of each text begin, [N + 1]. */
  const starts = [0];
  let [splits, cut] = [0, 0];
  for (const [i, text] of texts.entries()) {
    if (text.trim() === "") throw new Error(`text ${i} is empty`);
    const isLong = isCut(text);
    const parts = split === "always" || (split === "long" && isLong) ? sentencesOf(text) : [];
    if (parts.length > 1) {
      splits++;
      pieces.push(...parts);
      if (parts.some(isCut)) cut++;
    } else {
      pieces.push(text);
      if (isLong) cut++;
    }
    starts.push(pieces.length);
  }
  const rows = await model.encode(pieces, { onProgress });
  const vectors = texts.map((_, i) => meanOf(rows.slice(starts[i], starts[i + 1])));
  return { vectors, split: splits, cut };
}

function meanOf(rows: readonly Float32Array[]): Float32Array {
  if (rows.length === 1) return rows[0];
  const sum = new Float64Array(rows[0].length);
  for (const row of rows) for (let j = 0; j < sum.length; j++) sum[j] += row[j];
  return Float32Array.from(sum, (value) => value / rows.length);
}

/**
 * Sentences of a text, in order, without the blanks around them. Where the runtime has no Intl.Segmenter (a Node built without Intl, Firefox
 * before 125) a sentence ends behind . ! ? … and their wide forms, closing quotes included, where a blank follows, and at the end of a line.
 */
export function sentencesOf(
  text: string,
  segmenter: typeof Intl.Segmenter | null | undefined = Intl.Segmenter,
): string[] {
  const parts =
    segmenter === null || segmenter === undefined
      ? text.split(/(?<=[.!?…。！？]["'”’」』)\]]*)\s+|\r?\n+/u)
      : Array.from(segmentsOf(text, new segmenter("ko", { granularity: "sentence" })), ({ segment }) => segment);
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}
