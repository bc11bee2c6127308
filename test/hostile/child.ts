/**
 * A process of its own for hostile files: opens and reads what is named on its command line, pair by pair (`as what`, path), and prints a
 * line of JSON for each. Files are read part by part, as from a folder.
 */
import { open, readFile } from "node:fs/promises";
import type { ByteSource } from "../../src/base/bytes.ts";
import { ModelError } from "../../src/base/errors.ts";
import { readAll } from "./hostile.ts";

async function openFile(path: string): Promise<ByteSource & { close(): Promise<void> }> {
  const handle = await open(path);
  const { size } = await handle.stat();
  return {
    byteLength: size,
    slice: async (start, end) => {
      const bytes = new Uint8Array(end - start);
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
      return bytesRead === bytes.length ? bytes.buffer : bytes.buffer.slice(0, bytesRead);
    },
    close: () => handle.close(),
  };
}

/** Peak resident memory of this process so far, in bytes. */
async function peak(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8");
  return 1024 * Number(/VmHWM:\s*(\d+)/.exec(status)?.[1]);
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  for (let i = 0; i < args.length; i += 2) {
    const bytes = await openFile(args[i + 1]);
    const begun = performance.now();
    const end = await readAll(bytes, args[i]).catch((error: unknown) => error);
    const took = performance.now() - begun;
    await bytes.close();
    const error = end instanceof Error ? end : undefined;
    const modelError = end instanceof ModelError;
    console.log(
      JSON.stringify({
        took,
        peak: await peak(),
        tensors: error === undefined ? end : undefined,
        modelError,
        message: error?.message,
        file: modelError ? end.file : undefined,
        field: modelError ? end.field : undefined,
      }),
    );
  }
}

main();
