import { defineConfig } from "vitest/config";

// `npm run test:extended`: fuzzing against live oracles and the full-size model. Minutes to hours.
export default defineConfig({
  test: {
    include: ["test/extended/**/*.test.ts"],
    setupFiles: ["test/setup.ts"],
    testTimeout: 60 * 60_000,
    hookTimeout: 60 * 60_000,
    fileParallelism: false,
  },
});
