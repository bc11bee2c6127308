import { join } from "node:path";
import { copyModel, tool } from "./packed.ts";

/* What people write for each bundler, as short as it gets: the program at `entry` into `out`, the script of its page at the path that is returned. */

export type Bundle = (folder: string, entry: string, out: string) => Promise<Page>;

/** How a page takes the bundle in. */
export interface Page {
  readonly script: string;
  readonly type: "module" | "classic";
}

export const vite: Bundle = async (folder, entry, out) => {
  const { build } = await tool<{ build(config: object): Promise<unknown> }>("vite");
  const output = { entryFileNames: "app.js" };
  const options = { outDir: out, emptyOutDir: true, rollupOptions: { input: entry, output } };
  await build({ root: folder, configFile: false, logLevel: "error", build: options });
  return { script: "/app.js", type: "module" };
};

export const webpack: Bundle = async (folder, entry, out) => {
  interface Stats {
    hasErrors(): boolean;
    hasWarnings(): boolean;
    toString(): string;
  }
  type Webpack = (config: object, done: (error: Error | null, stats: Stats) => void) => void;
  const { default: run } = await tool<{ default: Webpack }>("webpack");
  const config = { mode: "production", context: folder, entry, output: { path: out, filename: "app.js" } };
  const stats = await new Promise<Stats>((resolve, reject) => {
    // It says that the model is larger than a web page should be; so it is.
    run({ ...config, performance: false }, (error, stats) => (error === null ? resolve(stats) : reject(error)));
  });
  if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString());
  return { script: "/app.js", type: "classic" };
};

export const rollup: Bundle = async (_, entry, out) => {
  interface Bundled {
    write(options: object): Promise<unknown>;
  }
  const { rollup: run } = await tool<{ rollup(options: object): Promise<Bundled> }>("rollup");
  const { nodeResolve } = await tool<{ nodeResolve(options: object): object }>("@rollup/plugin-node-resolve");
  const { importMetaAssets } = await tool<{ importMetaAssets(): object }>("@web/rollup-plugin-import-meta-assets");
  const onwarn = (warning: { message: string }): never => {
    throw new Error(warning.message);
  };
  const bundled = await run({ input: entry, plugins: [nodeResolve({ browser: true }), importMetaAssets()], onwarn });
  await bundled.write({ dir: out, format: "es", entryFileNames: "app.js" });
  return { script: "/app.js", type: "module" };
};

export interface Esbuild {
  readonly build: (options: object) => Promise<{
    readonly warnings: readonly object[];
    readonly outputFiles: readonly { readonly text: string; readonly contents: Uint8Array }[];
    readonly metafile: { readonly outputs: Readonly<Record<string, { readonly inputs: object }>> };
  }>;
}

/** `more` are entries beside the program, such as munjang/web-worker. */
export const esbuild =
  (more: Readonly<Record<string, string>> = {}): Bundle =>
  async (folder, entry, out) => {
    const { build } = await tool<Esbuild>("esbuild");
    const shared = { bundle: true, minify: true, format: "esm", absWorkingDir: folder, logLevel: "error" };
    const { warnings } = await build({ ...shared, entryPoints: { app: entry, ...more }, outdir: out });
    if (warnings.length > 0) throw new Error(JSON.stringify(warnings));
    copyModel(join(out)); // esbuild leaves `new URL(…, import.meta.url)` as it is
    return { script: "/app.js", type: "module" };
  };
