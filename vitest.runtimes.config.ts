import { defineConfig } from "vitest/config";

// `npm run test:runtimes`: the built package on other runtimes, and packed and bundled, and the site of the docs; it installs what it needs.
export default defineConfig({
  test: {
    include: [
      ...["runtimes", "packaging", "browser", "examples", "web"].map((folder) => `test/${folder}/*.test.ts`),
      "test/docs/site.test.ts",
    ],
    setupFiles: ["test/setup.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    fileParallelism: false, // each measures a little speed
    reporters: process.env.CI ? ["default", ["json", { outputFile: "test-results/runtimes.json" }]] : ["default"],
  },
});
