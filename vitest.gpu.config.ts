import { defineConfig } from "vitest/config";

// `npm run test:gpu`: the built package on gpu.js and on WebGPU, which it installs, on software adapters where there is no GPU.
export default defineConfig({
  test: {
    include: ["test/gpu/**/*.test.ts"],
    setupFiles: ["test/setup.ts"],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    fileParallelism: false, // software adapters take every core there is
    reporters: process.env.CI ? ["default", ["json", { outputFile: "test-results/gpu.json" }]] : ["default"],
  },
});
