import { defineConfig } from "vite";

// With these a page may share memory with its workers, so that there can be several. Your own server must send them too.
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({ server: { headers }, preview: { headers } });
