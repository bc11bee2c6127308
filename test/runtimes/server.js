// The server's handler on Deno's and Bun's own HTTP server. Prints its address; ends when its standard input does.
import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import { createServer } from "munjang-server";

const { Deno, Bun } = globalThis;
const records = [];
const server = await createServer(() => SentenceTransformer.load(mini, { threads: 1 }), {
  apiKeys: ["key"],
  maxBody: 20_000,
  onRequest: ({ status, reason }) => records.push({ status, reason }),
  metrics: async () => ({ type: "application/json", text: JSON.stringify(records) }),
});
const print = (port) => console.log(`http://127.0.0.1:${port}`);
const at = { hostname: "127.0.0.1", port: 0 };
const listening =
  Deno === undefined
    ? Bun.serve({ ...at, fetch: server.fetch })
    : Deno.serve({ ...at, onListen: ({ port }) => print(port) }, server.fetch);
if (Deno === undefined) print(listening.port);

for await (const _ of (Deno ?? Bun).stdin.readable ?? Bun.stdin.stream());
await server.close();
await (listening.shutdown?.() ?? listening.stop(true));
console.log("stopped");
