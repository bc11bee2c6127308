import { Command } from "commander";
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import { openOutput } from "./output.ts";
import { against } from "./similarity.ts";

const RESTAURANT = [
  "그 식당은 파리를 날린다",
  "그 식당에는 손님이 없다",
  "그 식당에서는 드론을 날린다",
  "파리가 식당에 날아다닌다",
];
const SLEEPY = ["잠이 옵니다", "잠이 안 옵니다", "졸음이 옵니다", "기차가 옵니다"];

export function demoCommand(): Command {
  return new Command("demo")
    .description("Compare eight Korean sentences on the bundled model.")
    .addHelpText("after", "\nExample:\n  munjang demo")
    .action(demo);
}

async function demo(): Promise<void> {
  const output = await openOutput(undefined);
  const start = performance.now();
  const model = await SentenceTransformer.load(mini);
  try {
    const loaded = performance.now();
    const vectors = await model.encode([...RESTAURANT, ...SLEEPY]);
    const encoded = performance.now();
    const { name, threads } = model.backend;
    const where = threads > 0 ? `${name}, ${threads} threads` : name;
    await output.write(
      `${mini.name}: loaded in ${(loaded - start).toFixed(0)} ms, 8 sentences in ${(encoded - loaded).toFixed(0)} ms (${where})\n`,
    );
    await group("Restaurant", RESTAURANT, vectors.slice(0, 4));
    await group("Sleepy", SLEEPY, vectors.slice(4));
    await output.write(`
파리를 날린다 ("to send flies flying") says of a restaurant that it has no customers. This small model reads it
literally, and takes 잠이 안 옵니다, a negation, for nearly the same as 잠이 옵니다. Its cosines all lie close to 1: look at
the order. A full-size model is compared in the same way:

  munjang similarity --sort --model path/to/KR-SBERT-V40K-klueNLI-augSTS "${RESTAURANT[0]}" "${RESTAURANT[1]}" …

Next: munjang embed --help
`);
  } finally {
    await model.dispose();
  }

  async function group(title: string, texts: string[], vectors: Float32Array[]): Promise<void> {
    const values = model.similarity(vectors[0], vectors.slice(1))[0];
    await output.write(`\n${title}: ${against(texts[0], texts.slice(1), values, true)}`);
  }
}
