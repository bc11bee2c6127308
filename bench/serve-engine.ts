/** The engine by itself, in a process like the server's: encodes the same texts again and again for as long as it is told; texts/s, and ms of CPU a text. */
import { SentenceTransformer } from "munjang";

const [, , model, threads] = process.argv;
const engine = await SentenceTransformer.load(model, { threads: Number(threads) });

process.on("message", async ({ texts, milliseconds }: { texts: string[]; milliseconds: number }) => {
  const start = performance.now();
  const before = process.cpuUsage();
  let done = 0;
  while (performance.now() - start < milliseconds) {
    await engine.encode(texts, { normalizeEmbeddings: true });
    done += texts.length;
  }
  const { user, system } = process.cpuUsage(before);
  process.send?.({ cpu: (user + system) / 1000 / done, rate: (1000 * done) / (performance.now() - start) });
});
process.send?.({ ready: true });
