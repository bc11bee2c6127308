import { SentenceTransformer } from "munjang";
import { cached } from "munjang/cache";
import { mini } from "munjang-mini-ko";
import { sentences } from "./sentences.ts";

const query = document.querySelector<HTMLInputElement>("#query")!;
const progress = document.querySelector<HTMLProgressElement>("#progress")!;
const ranking = document.querySelector<HTMLOListElement>("#ranking")!;
const status = document.querySelector<HTMLParagraphElement>("#status")!;

function show(scores: Float32Array): void {
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
  const items = order.map((i) => {
    const [item, score] = [document.createElement("li"), document.createElement("output")];
    score.textContent = scores[i].toFixed(4);
    item.append(sentences[i], score);
    return item;
  });
  ranking.replaceChildren(...items);
}

/** Loads the model and ranks the sentences after every key. */
async function start(): Promise<void> {
  // The browser keeps the weights: the second visit downloads nothing. In what Vite has built, a file that changes has another address.
  const files = cached(mini, {
    revalidate: import.meta.env.PROD ? "never" : "always",
    onProgress({ file, loaded, total }) {
      if (file === "model.safetensors") progress.value = loaded / total; // nearly all there is to load
    },
  });
  const model = await SentenceTransformer.load(files);
  const embeddings = await model.encode(sentences);
  const { name, threads, width, reason } = model.backend;
  status.textContent = `${name}, ${threads} threads, ${width}-bit vectors (${reason})`;
  progress.hidden = true;

  let latest = 0;
  const rank = async (): Promise<void> => {
    const mine = ++latest;
    const embedding = await model.encode(query.value);
    if (mine === latest) show(model.similarity(embedding, embeddings)[0]); // else one has typed on meanwhile
  };
  query.addEventListener("input", rank);
  query.disabled = false;
  await rank();
}

start().catch((error: Error) => {
  progress.hidden = true;
  status.textContent = error.message; // says what to do
});
