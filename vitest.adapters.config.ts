import { defineConfig } from "vitest/config";

// `npm run test:adapters`: the built package in the packages that its adapters are for; it installs them.
export default defineConfig({
  test: {
    include: ["test/adapters/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    reporters: process.env.CI ? ["default", ["json", { outputFile: "test-results/adapters.json" }]] : ["default"],
  },
});
