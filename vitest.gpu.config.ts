import { defineConfig } from "vitest/config";

// `npm run test:gpu`: GPU backends, on a GPU or on software that does as if.
export default defineConfig({
  test: {
    include: ["test/gpu/**/*.test.ts"],
    setupFiles: ["test/setup.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    reporters: process.env.CI ? ["default", ["json", { outputFile: "test-results/gpu.json" }]] : ["default"],
  },
});
