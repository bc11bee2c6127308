import { checkObject, checkOneOf, refuse } from "../base/door.ts";
import type { AddedToken } from "./added-tokens.ts";
import { Encoding, type EncodingDetail } from "./encoding.ts";
import { readSettings, type TokenizerFiles, type TokenizerOptions } from "./files.ts";
import { type Pieces, Pipeline } from "./pipeline.ts";
import { Scanner } from "./scanner.ts";
import type { Settings } from "./settings.ts";
import { cutPair } from "./truncate.ts";

/** How to read one text. */
export interface EncodeOptions {
  /** A second text: [CLS] text [SEP] pair [SEP], with type ids 1 for the pair. */
  readonly pair?: string;
  /** Most tokens of the result, special tokens included; longer texts are cut. Without it nothing is cut. */
  readonly maxLength?: number;
  /** Whether special tokens written in the text become their ids; otherwise they are text. The tokenizer's own setting by default. */
  readonly specialTokens?: boolean;
  /** Whether to add [CLS] and [SEP]; true by default. */
  readonly addSpecialTokens?: boolean;
}

/** How to read several texts. */
export interface EncodeBatchOptions extends Omit<EncodeOptions, "pair"> {
  /** `true` or `"longest"`: pad to the longest of the batch; `"max_length"`: to `maxLength`. Nothing is padded by default. */
  readonly padding?: boolean | "longest" | "max_length";
}

/**
 * WordPiece as BERT has it. Ids equal those of Hugging Face's `tokenizers` 0.23 (Rust) for every text, malformed ones included.
 *
 * @example
 * const tokenizer = WordPieceTokenizer.fromFiles({ "vocab.txt": vocab, "tokenizer_config.json": config });
 * tokenizer.encode("잠이 옵니다", { maxLength: 128 }).ids;
 */
export class WordPieceTokenizer {
  /** Highest id plus one: the fewest rows a word table can have. */
  readonly vocabularySize: number;
  readonly padId: number;
  readonly unkId: number;
  readonly clsId: number;
  readonly sepId: number;
  /** Longer words, in code points, are unknown. */
  readonly maxWordLength: number;
  /** Id of [MASK], where the vocabulary has it. */
  readonly maskId: number | undefined;
  /** `model_max_length` of the files; undefined where they name none, or one that no model has. */
  readonly modelMaxLength: number | undefined;
  /** Where the files disagree with each other, and what was followed. */
  readonly warnings: readonly string[];
  readonly #settings: Settings;
  readonly #added: ReadonlyMap<string, AddedToken>;
  readonly #pipeline: Pipeline;
  readonly #scanner: Scanner;
  #byId: Map<number, string> | undefined;
  #found: Int32Array = new Int32Array(0);

  /** From settings already read; `fromFiles` is the usual way in. */
  constructor(settings: Settings) {
    const { special } = settings;
    this.#settings = settings;
    this.#added = new Map(settings.added.map((token) => [token.content, token]));
    let highest = 0;
    for (const id of settings.vocabulary.values()) if (id > highest) highest = id;
    for (const { id } of settings.added) if (id > highest) highest = id;
    this.vocabularySize = highest + 1;
    this.padId = special.pad.id;
    this.unkId = special.unk.id;
    this.clsId = special.cls.id;
    this.sepId = special.sep.id;
    this.maskId = special.mask?.id;
    this.maxWordLength = settings.maxWordLength;
    this.modelMaxLength = settings.modelMaxLength;
    this.warnings = settings.warnings;
    this.#pipeline = new Pipeline(settings);
    this.#scanner = new Scanner(this.#pipeline);
  }

  /**
   * Builds a tokenizer from the contents of its files, by file name: `vocab.txt` or `tokenizer.json`, and where the model has them
   * `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`.
   *
   * @throws {ModelError} naming the file and field, for anything missing, malformed, or not supported exactly.
   */
  static fromFiles<T extends typeof WordPieceTokenizer>(
    this: T,
    files: TokenizerFiles,
    options: TokenizerOptions = {},
  ): InstanceType<T> {
    return new this(readSettings(files, options)) as InstanceType<T>;
  }

  /**
   * Reads one text, or a pair.
   *
   * @throws {ModelError} for a text that is no string, or a `maxLength` without room for the special tokens.
   */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    checkText(text, "encode: argument 1 (text)");
    checkObject("options", options);
    if (options.pair !== undefined) checkText(options.pair, "encode: argument 2 (options.pair)");
    return this.#encodeTexts(text, options.pair, options);
  }

  /**
   * Reads several texts or pairs, in their order.
   *
   * @throws {ModelError} as `encode` does, naming the text by its index.
   */
  encodeBatch(texts: readonly (string | readonly [string, string])[], options: EncodeBatchOptions = {}): Encoding[] {
    if (!Array.isArray(texts)) {
      refuse("encodeBatch: argument 1 (texts)", "must be a list of texts or of pairs of texts", texts);
    }
    checkObject("options", options);
    const { padding = false, maxLength } = options;
    checkOneOf("padding", padding, [true, false, "longest", "max_length"]);
    if (padding === "max_length" && maxLength === undefined) {
      refuse("padding", "needs maxLength as well, the length to pad to", padding);
    }
    const encodings = texts.map((item: unknown, i) => {
      const [text, pair, ...more] = Array.isArray(item) ? item : [item];
      if (more.length > 0 || (Array.isArray(item) && pair === undefined)) {
        refuse(`texts[${i}]`, "must be a text or a pair of texts", item);
      }
      checkText(text, `encodeBatch: texts[${i}]${Array.isArray(item) ? "[0]" : ""}`);
      if (pair !== undefined) checkText(pair, `encodeBatch: texts[${i}][1]`);
      return this.#encodeTexts(text, pair, options);
    });
    if (padding === false) return encodings;
    const longest = encodings.reduce((most, { ids }) => Math.max(most, ids.length), 0);
    const length = padding === "max_length" ? (maxLength as number) : longest;
    return encodings.map((encoding) => this.#pad(encoding, length));
  }

  /** The token with this id, added tokens included. */
  idToToken(id: number): string | undefined {
    if (this.#byId === undefined) {
      this.#byId = new Map();
      for (const [token, itsId] of this.#settings.vocabulary) this.#byId.set(itsId, token);
      for (const { content, id: itsId } of this.#settings.added) this.#byId.set(itsId, content);
    }
    return this.#byId.get(id);
  }

  /** The id of a token as it stands in the vocabulary (`##다`), added tokens included. */
  tokenToId(token: string): number | undefined {
    return this.#added.get(token)?.id ?? this.#settings.vocabulary.get(token);
  }

  #encodeTexts(text: string, pair: string | undefined, options: EncodeOptions): Encoding {
    const { specialTokens = !this.#settings.specialTokensAsText, addSpecialTokens = true, maxLength } = options;
    const around = addSpecialTokens ? (pair === undefined ? 2 : 3) : 0;
    if (maxLength !== undefined && !(Number.isInteger(maxLength) && maxLength >= around)) {
      refuse(
        "maxLength",
        `must be a whole number of at least ${around}: that many special tokens are added`,
        maxLength,
      );
    }
    const room = maxLength === undefined ? Infinity : maxLength - around;
    const fromLeft = this.#settings.truncationSide === "left";
    // Of a single text cut on the right, what lies behind the cut need not be read. A pair is cut by the lengths of both.
    const first = this.#read(text, pair === undefined && !fromLeft ? room : Infinity, !specialTokens);
    const firstIds = pair === undefined ? this.#found : this.#found.slice(0, first);
    const second = pair === undefined ? 0 : this.#read(pair, Infinity, !specialTokens);
    const [n1, n2] = pair === undefined ? [Math.min(first, room), 0] : cutPair(first, second, room);

    const ids = new Int32Array(n1 + n2 + around);
    let end = addSpecialTokens ? 1 : 0;
    if (addSpecialTokens) ids[0] = this.clsId;
    end = copy(ids, end, firstIds, fromLeft ? first - n1 : 0, n1);
    if (addSpecialTokens) ids[end++] = this.sepId;
    const pairStart = end;
    if (pair !== undefined) {
      end = copy(ids, end, this.#found, fromLeft ? second - n2 : 0, n2);
      if (addSpecialTokens) ids[end++] = this.sepId;
    }
    return new Encoding(ids, { start: 0, pair: pairStart, end }, n1 < first || n2 < second, () => {
      const out: EncodingDetail = { tokens: [], offsets: [], unknown: [] };
      const special = (name: "cls" | "sep"): void => {
        if (!addSpecialTokens) return;
        out.tokens.push(this.#settings.special[name].token);
        out.offsets.push([0, 0]);
      };
      const pieces = ({ ids, tokens, offsets, why }: Pieces, n: number): void => {
        const from = fromLeft ? tokens.length - n : 0;
        for (let i = from; i < from + n; i++) {
          if (ids[i] === this.unkId)
            out.unknown.push({ reason: "written", word: tokens[i], ...why[i], index: out.tokens.length });
          out.tokens.push(tokens[i]);
          out.offsets.push(offsets[i]);
        }
      };
      special("cls");
      pieces(this.#pipeline.run(text, !specialTokens), n1);
      special("sep");
      if (pair !== undefined) {
        pieces(this.#pipeline.run(pair, !specialTokens), n2);
        special("sep");
      }
      return out;
    });
  }

  /**
   * Puts the ids of `text` into `this.#found`, where the next call overwrites them, and gives their number; of a text with more than `limit`
   * it may stop behind it.
   */
  #read(text: string, limit: number, asText: boolean): number {
    const count = this.#scanner.scan(text, limit, asText);
    if (count >= 0) {
      this.#found = this.#scanner.ids;
      return count;
    }
    const { ids } = this.#pipeline.run(text, asText);
    this.#found = Int32Array.from(ids);
    return ids.length;
  }

  #pad(encoding: Encoding, length: number): Encoding {
    const more = length - encoding.ids.length;
    if (more <= 0) return encoding;
    const left = this.#settings.paddingSide === "left";
    const shift = left ? more : 0;
    const { start, pair, end } = encoding.parts;
    const ids = new Int32Array(length).fill(this.padId);
    ids.set(encoding.ids, shift);
    return new Encoding(ids, { start: start + shift, pair: pair + shift, end: end + shift }, encoding.truncated, () => {
      const beside = <V>(own: readonly V[], pad: () => V): V[] => {
        const padding = Array.from({ length: more }, pad);
        return left ? [...padding, ...own] : [...own, ...padding];
      };
      return {
        tokens: beside(encoding.tokens, () => this.#settings.special.pad.token),
        offsets: beside(encoding.offsets, () => [0, 0]),
        unknown: encoding.unknown.map((one) => ({ ...one, index: one.index + shift })),
      };
    });
  }
}

/** Copies `count` ids; a loop, because a view for `set` costs more than the few dozen ids of a sentence. */
function copy(to: Int32Array, at: number, from: Int32Array, start: number, count: number): number {
  for (let i = 0; i < count; i++) to[at + i] = from[start + i];
  return at + count;
}

function checkText(text: unknown, where: string): void {
  if (typeof text !== "string") refuse(where, "must be a string", text);
}
