import { defineConfig } from "vite";

// With these a page may share memory with its workers, so that there can be several. A file host that does not send them is fine too: then one
// worker computes.
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  base: "./", // any folder of any host
  server: { headers },
  preview: { headers },
  worker: { format: "es" },
  build: { target: "es2022", assetsInlineLimit: 0 },
});
