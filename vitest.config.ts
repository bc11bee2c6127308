import { defineConfig } from "vitest/config";

// `npm test`: everything that needs only what is committed, in minutes.
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts", "apps/*/test/**/*.test.ts"],
    exclude: [
      "**/node_modules/**",
      "**/dist/**",
      ...["extended", "runtimes", "packaging", "browser", "examples", "gpu", "web", "adapters"].map(
        (folder) => `test/${folder}/**`,
      ),
      "test/docs/site.test.ts",
    ],
    setupFiles: ["test/setup.ts"],
    testTimeout: 60_000,
    maxWorkers: "100%", // of two cores Vitest itself would leave one idle
    reporters: process.env.CI ? ["default", ["json", { outputFile: "test-results/report.json" }]] : ["default"],
  },
});
