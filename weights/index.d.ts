/**
 * The bundled Korean model as `SentenceTransformer.load` takes it: the address of every file, by its path inside the model. Bundlers
 * find the files through it; where there is a file system the name "munjang-mini-ko" does as well.
 */
export declare const mini: {
  readonly name: "munjang-mini-ko";
  readonly files: {
    readonly "config.json": URL;
    readonly "model.safetensors": URL;
    readonly "modules.json": URL;
    readonly "sentence_bert_config.json": URL;
    readonly "special_tokens_map.json": URL;
    readonly "tokenizer_config.json": URL;
    readonly "vocab.txt": URL;
    readonly "1_Pooling/config.json": URL;
  };
};
