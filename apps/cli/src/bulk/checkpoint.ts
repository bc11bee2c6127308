import { type FileHandle, open, rm } from "node:fs/promises";
import { cannotWrite } from "../output.ts";
import type { Place } from "./row.ts";
import { differing } from "./settings.ts";

/** How far the work is. All before it lies in the part file, and on the disk. */
export interface Checkpoint {
  /** Where reading goes on. */
  readonly place: Place;
  /** Rows written, passed over as bad, and empty ones. */
  readonly rows: number;
  readonly bad: number;
  readonly empty: number;
  /** Bytes of the part file. */
  readonly bytes: number;
  /** What the form of output wants to remember. */
  readonly note?: string;
}

/** A file of JSON lines: the settings, and a line a checkpoint. A line that was cut by the end of the process counts as not written. */
export interface Journal {
  /** Of the last run; none where this is the first. */
  readonly last?: Checkpoint;
  readonly notes: readonly string[];
  /** Whether the last run was complete but for giving the file its name. */
  readonly complete: boolean;
  append(checkpoint: Checkpoint | "complete"): Promise<void>;
  close(): Promise<void>;
  remove(): Promise<void>;
}

/** Opens the journal at `path`. @throws Error where it was written with other settings. */
export async function openJournal(path: string, settings: object): Promise<Journal> {
  const file = await open(path, "a+").catch((error) => {
    throw cannotWrite(path, error);
  });
  try {
    return await journalIn(file, path, settings);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function journalIn(file: FileHandle, path: string, settings: object): Promise<Journal> {
  const { size } = await file.stat();
  let known: object | undefined;
  let last: Checkpoint | undefined;
  let complete = false;
  let bytes = 0;
  const notes: string[] = [];
  if (size > 0) {
    // As a stream: the form of output may have much to remember.
    for await (const line of file.readLines({ start: 0, autoClose: false })) {
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        break;
      }
      const end = bytes + Buffer.byteLength(line) + 1;
      if (end > size) break; // whole, but for its end
      bytes = end;
      if (known === undefined) known = value as object;
      else if (value === "complete") complete = true;
      else {
        last = value as Checkpoint;
        if (last.note !== undefined) notes.push(last.note);
      }
    }
    await file.truncate(bytes);
  }
  const append = async (value: unknown): Promise<void> => {
    try {
      await file.appendFile(`${JSON.stringify(value)}\n`);
      await file.datasync();
    } catch (error) {
      throw cannotWrite(path, error as NodeJS.ErrnoException);
    }
  };
  if (known === undefined) await append(settings);
  const other = known === undefined ? [] : differing(known, settings);
  if (other.length > 0) {
    throw new Error(
      `${path} is of a run with another ${other.join(", ")}: run that command again, or delete the file to begin anew`,
    );
  }
  const remove = async (): Promise<void> => {
    await file.close();
    await rm(path, { force: true });
  };
  return { last, notes, complete, append, close: () => file.close(), remove };
}
