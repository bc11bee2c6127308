// These weights are whole numbers: this lets munjang load them.
import "munjang/int8";

// One literal `new URL(…, import.meta.url)` a file: the form Vite, webpack and Rollup recognise, so that they copy the file and put its
// final address here. A loop or a variable in the path would hide it from them.

export const mini = {
  name: "munjang-mini-ko",
  files: {
    "config.json": new URL("./model/config.json", import.meta.url),
    "model.safetensors": new URL("./model/model.safetensors", import.meta.url),
    "modules.json": new URL("./model/modules.json", import.meta.url),
    "sentence_bert_config.json": new URL("./model/sentence_bert_config.json", import.meta.url),
    "special_tokens_map.json": new URL("./model/special_tokens_map.json", import.meta.url),
    "tokenizer_config.json": new URL("./model/tokenizer_config.json", import.meta.url),
    "vocab.txt": new URL("./model/vocab.txt", import.meta.url),
    "1_Pooling/config.json": new URL("./model/1_Pooling/config.json", import.meta.url),
  },
};
