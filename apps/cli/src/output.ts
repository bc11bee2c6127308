import { once } from "node:events";
import { createWriteStream, realpathSync, rmSync } from "node:fs";
import { rename, stat } from "node:fs/promises";

/** Where results go. `write` waits while the reader is behind; nothing stands under the final name before `finish`. */
export interface Output {
  write(text: string): Promise<void>;
  finish(): Promise<void>;
  /** Takes back what was written to a file. */
  discard(): void;
}

/** Standard output, or a file: written beside its final place and renamed when complete, so that nobody sees half of it. */
export async function openOutput(file: string | undefined): Promise<Output> {
  if (file === undefined) {
    return {
      async write(text) {
        if (!process.stdout.write(text)) await once(process.stdout, "drain");
      },
      async finish() {},
      discard() {},
    };
  }
  const about = await stat(file).catch(() => undefined);
  if (about?.isDirectory()) throw new Error(`cannot write ${file}: it is a folder`);
  if (about !== undefined && !about.isFile()) throw new Error(`cannot write ${file}: it is not an ordinary file`);
  const target = about === undefined ? file : realpathSync(file); // a link stays, what it points to is replaced
  const beside = `${target}.${process.pid}.part`;
  const stream = createWriteStream(beside, { flags: "wx" });
  const failed = new Promise<never>((_, reject) => {
    stream.once("error", (error: NodeJS.ErrnoException) => {
      reject(new Error(`cannot write ${file}: ${error.code === "ENOENT" ? "there is no such folder" : error.message}`));
    });
  });
  failed.catch(() => {}); // it is awaited where something is written
  await Promise.race([once(stream, "open"), failed]);
  const discard = (): void => {
    stream.destroy();
    rmSync(beside, { force: true });
  };
  const interrupted = (_: string, signal: number): void => {
    discard();
    process.exit(128 + signal);
  };
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  return {
    async write(text) {
      if (!stream.write(text)) await Promise.race([once(stream, "drain"), failed]);
    },
    async finish() {
      stream.end();
      await Promise.race([once(stream, "close"), failed]);
      process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
      await rename(beside, target);
    },
    discard,
  };
}
