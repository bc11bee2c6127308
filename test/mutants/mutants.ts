/** One way to break the engine: in `file`, the one place that reads `find` is made to read `put`. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** Faults that real engines have had, or that a tidy-up could bring in. Each must make the tests fail. */
export const MUTANTS: readonly Mutant[] = [
  // kernels
  {
    name: "tanh GELU in place of erf",
    file: "src/kernels/js/activation.ts",
    find: "return gelu;",
    put: "return geluTanh;",
  },
  {
    name: "erf GELU in place of tanh",
    file: "src/kernels/js/activation.ts",
    find: "return geluTanh;",
    put: "return gelu;",
  },
  {
    name: "LayerNorm without epsilon",
    file: "src/kernels/js/index.ts",
    find: "Math.sqrt(squares / H + epsilon)",
    put: "Math.sqrt(squares / H)",
  },
  {
    name: "LayerNorm's variance divided by H - 1",
    file: "src/kernels/js/index.ts",
    find: "Math.sqrt(squares / H + epsilon)",
    put: "Math.sqrt(squares / (H - 1) + epsilon)",
  },
  {
    name: "LayerNorm forgets the residual in its last pass",
    file: "src/kernels/js/index.ts",
    find: "const y = residual === null ? x[from + h] : x[from + h] + residual[from + h];",
    put: "const y = x[from + h];",
  },
  {
    name: "a sum one term short",
    file: "src/kernels/js/linear.ts",
    find: "const end = (4 * length) | 0;",
    put: "const end = (4 * length - 4) | 0;",
  },
  {
    name: "only the first panel of inputs beyond 4096",
    file: "src/kernels/js/linear.ts",
    find: "for (let k = 0; k < K; k += W_SLOTS) {",
    put: "for (let k = 0; k < Math.min(K, W_SLOTS); k += W_SLOTS) {",
  },
  {
    name: "stale scratch: the last block's sums are not started afresh",
    file: "src/kernels/js/linear.ts",
    find: "i < 9 * blocks; i++",
    put: "i < 9 * (blocks - 1); i++",
  },
  { name: "bias left out", file: "src/kernels/js/linear.ts", find: "column < N ? bias[column] : 0", put: "0" },
  {
    name: "heads swapped",
    file: "src/kernels/js/attention.ts",
    find: "const query = first * row + head * D;",
    put: "const query = first * row + (heads - 1 - head) * D;",
  },
  {
    name: "scores not divided by the root of the head's width",
    file: "src/kernels/js/attention.ts",
    find: "1 / Math.sqrt(D)",
    put: "1 / D",
  },
  {
    name: "attention across sentences",
    file: "src/kernels/js/attention.ts",
    find: "const first = batch.starts[n];",
    put: "const first = batch.starts[0];",
  },
  {
    name: "token type embedding missing",
    file: "src/kernels/js/index.ts",
    find: " + tables.type[type + h]",
    put: "",
  },
  {
    name: "one position for every token",
    file: "src/kernels/js/index.ts",
    find: "batch.positions[t] * H",
    put: "0 * H",
  },
  { name: "a constant of the tanh form shortened", file: "src/base/activations.ts", find: "0.044715", put: "0.0447" },
  // forward and weights
  {
    name: "the activation left out",
    file: "src/bert/forward.ts",
    find: "k.linear(s.wide, s.x, layer.up, T, c.activation);",
    put: "k.linear(s.wide, s.x, layer.up, T);",
  },
  {
    name: "no residual around attention",
    file: "src/bert/forward.ts",
    find: "k.layerNorm(s.x, s.branch, s.x, layer.attentionNorm, T, H);",
    put: "k.layerNorm(s.x, s.branch, null, layer.attentionNorm, T, H);",
  },
  {
    name: "the two norms of a layer swapped",
    file: "src/bert/weights.ts",
    find: ".output`),\n    });",
    put: ".attention.output`),\n    });",
  },
  {
    name: "key and value swapped",
    file: "src/bert/weights.ts",
    find: '["query", "key", "value"]',
    put: '["query", "value", "key"]',
  },
  {
    name: "NaN in weights let through",
    file: "src/bert/weights.ts",
    find: "if (data[i] - data[i] !== 0) {",
    put: "if (false as boolean) {",
  },
  {
    name: "RoBERTa's positions counted from 0",
    file: "src/bert/batch.ts",
    find: "padding + ++count",
    put: "count++",
  },
  {
    name: "RoBERTa's [PAD] advances the count",
    file: "src/bert/batch.ts",
    find: "ids[t] === padding ? padding : padding + ++count",
    put: "padding + ++count",
  },
  {
    name: "every gelu is the tanh form",
    file: "src/bert/config.ts",
    find: 'gelu: "gelu",',
    put: 'gelu: "gelu_tanh",',
  },
  // pooling and modules
  {
    name: "the mean takes one token too few",
    file: "src/pooling/pool.ts",
    find: 'Math.max(used, 1e-9));\n      break;\n    case "mean_sqrt',
    put: 'Math.max(used - 1, 1e-9));\n      break;\n    case "mean_sqrt',
  },
  {
    name: "mean over padding",
    file: "src/bert-model.ts",
    find: "const length = end < 0 ? L : end;",
    put: "const length = L;",
  },
  {
    name: "weighted mean counts from 0",
    file: "src/pooling/pool.ts",
    find: "(t) => t + 1",
    put: "(t) => t",
  },
  {
    name: "old pooling booleans taken for each other",
    file: "src/modules.ts",
    find: '["cls_token", "max_tokens"',
    put: '["max_tokens", "cls_token"',
  },
  {
    name: "old pooling booleans in another order",
    file: "src/modules.ts",
    find: "json.boolean(OLD_NAMES[i], false));",
    put: "json.boolean(OLD_NAMES[i], false)).reverse();",
  },
  {
    name: "the prompt pooled although the model leaves it out",
    file: "src/pooling/chain.ts",
    find: "includePrompt ? { ...segment, skip: 0 } : segment",
    put: "{ ...segment, skip: 0 }",
  },
  {
    name: "the residual of Dense before its activation",
    file: "src/pooling/rows.ts",
    find: 'if (residual === "input") value += x[n * K + m];',
    put: 'if (residual === "input") value += activate(layer.activation, x[n * K + m]);',
  },
  {
    name: "normalised before truncation",
    file: "src/sentence-transformer.ts",
    find: "let rows = firstColumns(sentences?.data ?? hidden, this.#list.dimension, D);",
    put: "let rows = firstColumns(options.normalizeEmbeddings ? normalizeRows(sentences?.data ?? hidden, this.#list.dimension) : sentences?.data ?? hidden, this.#list.dimension, D);\n      if (options.normalizeEmbeddings) options = { ...options, normalizeEmbeddings: false };",
  },
  {
    name: "bits packed from the other end",
    file: "src/pooling/precision.ts",
    find: "0x80 >> (d & 7)",
    put: "1 << (d & 7)",
  },
  // the class
  {
    name: "the caller's order not restored",
    file: "src/sentence-transformer.ts",
    find: 'else if (options.outputValue !== "all") outputs[n] = row;',
    put: 'else if (options.outputValue !== "all") outputs[done + i] = row;',
  },
  {
    name: "texts not cut at the model's limit",
    file: "src/sentence-transformer.ts",
    find: "this.tokenizer.encode(prompt + item, { maxLength: this.maxSeqLength })",
    put: "this.tokenizer.encode(prompt + item, { maxLength: 512 })",
  },
  {
    name: "the model's default prompt ignored",
    file: "src/prompts.ts",
    find: "options.promptName ?? defaults.defaultPromptName",
    put: "options.promptName",
  },
  {
    name: "abort not looked at between batches",
    file: "src/sentence-transformer.ts",
    find: "      options.signal?.throwIfAborted();\n      const hidden",
    put: "      const hidden",
  },
  {
    name: "overlapping calls share the scratch without taking turns",
    file: "src/run/turns.ts",
    find: "this.#last.then(work)",
    put: "work()",
  },
  // tokenizer and formats
  {
    name: "accents kept in uncased models",
    file: "src/tokenizer/normalise.ts",
    find: "nonspacing.has(c) ? NOTHING : undefined",
    put: "undefined",
  },
  {
    name: "the engine believed about Unicode, whatever it answers",
    file: "src/tokenizer/unicode-source.ts",
    find: "checksum(answers()) === sum",
    put: "answers() !== sum",
  },
  {
    name: "combining classes without an order",
    file: "src/tokenizer/unicode-source.ts",
    find: 'before === "" || changesPlaces(mark + before)',
    put: 'before === ""',
  },
  {
    name: "the tables of munjang/unicode not used",
    file: "src/unicode.ts",
    find: "setUnicodeSource(fullTables);",
    put: "void [setUnicodeSource, fullTables];",
  },
  {
    name: "the shortest piece in place of the longest",
    file: "src/tokenizer/word-piece.ts",
    find: "if (here >= 0) {",
    put: "if (here >= 0 && id < 0) {",
  },
  {
    name: "words measured in UTF-16 units",
    file: "src/tokenizer/scanner.ts",
    find: "length - pairs <= wordPiece.maxWordLength",
    put: "length <= wordPiece.maxWordLength",
  },
  {
    name: "float16 subnormals flushed to zero",
    file: "src/base/half.ts",
    find: "const FLOAT16_STEP = 1 / 16777216;",
    put: "const FLOAT16_STEP = 0;",
  },
  {
    name: "compressed zip entries read as they stand",
    file: "src/formats/zip.ts",
    find: "if (method !== 0) throw",
    put: "if (method === 99) throw",
  },
  {
    name: "overlapping zip entries let through",
    file: "src/formats/zip.ts",
    find: "if (end > limit) throw",
    put: "if (end > limit + 2 ** 40) throw",
  },
  {
    name: "headers as full of text as they like",
    file: "src/formats/json-text.ts",
    find: "if (at.room < 0) throw",
    put: "if (at.room < -(2 ** 40)) throw",
  },
  {
    name: "headers that are not UTF-8 taken as they are",
    file: "src/formats/json-text.ts",
    find: "decoder.decode(bytes.subarray(i, i + PIECE), { stream: true });",
    put: "bytes.subarray(i, i + PIECE);",
  },
  {
    name: "pickles of any number of opcodes",
    file: "src/formats/pickle.ts",
    find: "if (++steps > STEPS * maxTensors) throw",
    put: "if (++steps > 2 ** 40) throw",
  },
  {
    name: "pieces of a strided tensor put in the place of the first",
    file: "src/formats/strided.ts",
    find: "out, i * packed[axis], packed, some);",
    put: "out, 0, packed, some);",
  },
  {
    name: "local headers of a group looked for where the first one stands",
    file: "src/formats/zip.ts",
    find: "new DataView(block.buffer, start - from, end - start)",
    put: "new DataView(block.buffer, 0, end - start)",
  },
  {
    name: "strides of PyTorch tensors ignored",
    file: "src/formats/strided.ts",
    find: "from += stride[axis];",
    put: "from += steps[axis];",
  },
  {
    name: "a shard that lacks what the index says it holds",
    file: "src/formats/shards.ts",
    find: "if (info === undefined)",
    put: "if ((info as unknown) === null)",
  },
  {
    name: "a download whose checksum is wrong kept",
    file: "src/node-checksum.ts",
    find: "return sum === expected ? undefined : sum;",
    put: "return undefined;",
  },
  {
    name: "downloads of the hub: any ETag is taken for a hash of the contents",
    file: "src/node-download.ts",
    find: "if (isChecksum(etag)) return etag;",
    put: "return etag;",
  },
  {
    name: "cache of the hub: links that lead out are followed",
    file: "src/node-cache.ts",
    find: "if (real !== undefined) await this.#checkInside(real, file);",
    put: "",
  },
  {
    name: "cache of the hub: a folder of locks that is a link is followed",
    file: "src/node-cache.ts",
    find: "await this.#makeFolder(this.#locks);",
    put: "",
  },
];
