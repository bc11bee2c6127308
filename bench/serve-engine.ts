/** The engine by itself, in a process like the server's: encodes the same texts again and again for as long as it is told. */
import { SentenceTransformer } from "munjang";

const [, , model, threads] = process.argv;
const engine = await SentenceTransformer.load(model, { threads: Number(threads) });

process.on("message", async ({ texts, milliseconds }: { texts: string[]; milliseconds: number }) => {
  const start = performance.now();
  let done = 0;
  while (performance.now() - start < milliseconds) {
    await engine.encode(texts, { normalizeEmbeddings: true });
    done += texts.length;
  }
  process.send?.({ rate: (1000 * done) / (performance.now() - start) });
});
process.send?.({ ready: true });
