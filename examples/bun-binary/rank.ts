/** Ranks the lines of its input by how near they are in meaning to a sentence: `./rank "잠이 옵니다" < lines.txt` */
import { pathToFileURL } from "node:url";
import { SentenceTransformer } from "munjang";
import "munjang/int8";
import worker from "munjang/node-worker" with { type: "file" };
import pooling from "munjang-mini-ko/model/1_Pooling/config.json" with { type: "file" };
import config from "munjang-mini-ko/model/config.json" with { type: "file" };
import weights from "munjang-mini-ko/model/model.safetensors" with { type: "file" };
import modules from "munjang-mini-ko/model/modules.json" with { type: "file" };
import sentence from "munjang-mini-ko/model/sentence_bert_config.json" with { type: "file" };
import special from "munjang-mini-ko/model/special_tokens_map.json" with { type: "file" };
import tokenizer from "munjang-mini-ko/model/tokenizer_config.json" with { type: "file" };
import vocabulary from "munjang-mini-ko/model/vocab.txt" with { type: "file" };

// bun puts in what it sees imported by name, one file an import.
const files = {
  "1_Pooling/config.json": Bun.file(pooling),
  "config.json": Bun.file(config),
  "model.safetensors": Bun.file(weights),
  "modules.json": Bun.file(modules),
  "sentence_bert_config.json": Bun.file(sentence),
  "special_tokens_map.json": Bun.file(special),
  "tokenizer_config.json": Bun.file(tokenizer),
  "vocab.txt": Bun.file(vocabulary),
};

const query = process.argv[2];
if (query === undefined) {
  console.error('usage: rank "sentence" < lines.txt');
  process.exit(2);
}
const lines = (await Bun.stdin.text()).split(/\r?\n/).filter((line) => line.trim() !== "");

const model = await SentenceTransformer.load({ files }, { workerUrl: pathToFileURL(worker) });
const [scores] = model.similarity(await model.encode(query), await model.encode(lines));
const { name, threads } = model.backend;
console.error(`${name}, ${threads} threads`);
for (const i of [...scores.keys()].sort((a, b) => scores[b] - scores[a])) {
  console.log(`${scores[i].toFixed(4)}\t${lines[i]}`);
}
await model.dispose();
