import { defineConfig } from "vitest/config";

// `npm run test:runtimes`: the built package on other runtimes, which it installs.
export default defineConfig({
  test: {
    include: ["test/runtimes/*.test.ts", "test/browser/*.test.ts"],
    setupFiles: ["test/setup.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    fileParallelism: false, // each measures a little speed
    reporters: process.env.CI ? ["default", ["json", { outputFile: "test-results/runtimes.json" }]] : ["default"],
  },
});
