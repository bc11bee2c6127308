/** Ranks the lines of its input by how near they are in meaning to a sentence: `deno run --allow-read main.ts "잠이 옵니다" < lines.txt` */
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";

const [query] = Deno.args;
if (query === undefined) {
  console.error('usage: deno run --allow-read main.ts "sentence" < lines.txt');
  Deno.exit(2);
}
const text = await new Response(Deno.stdin.readable).text();
const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");

const model = await SentenceTransformer.load(mini);
const [scores] = model.similarity(await model.encode(query), await model.encode(lines));
const { name, threads } = model.backend;
console.error(`${name}, ${threads} threads`);
for (const i of [...scores.keys()].sort((a, b) => scores[b] - scores[a])) {
  console.log(`${scores[i].toFixed(4)}\t${lines[i]}`);
}
await model.dispose();
