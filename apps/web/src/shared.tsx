import { useState } from "preact/hooks";
import type { Client, Progress } from "./client.ts";
import type { Loaded } from "./protocol.ts";
import type { Words } from "./words.ts";

/** What every section is given. */
export interface SectionProps {
  readonly w: Words;
  readonly engine: Client;
  /** Undefined until one is loaded. */
  readonly model: Loaded | undefined;
}

export interface Work {
  readonly busy: boolean;
  readonly status: preact.JSX.Element;
  /** Runs something once at a time; what goes wrong is shown where the status is. */
  run(work: (progress: Progress) => Promise<void>): Promise<void>;
}

/** Something that takes a while: whether it goes on, how far it is, and what went wrong. */
export function useWork(w: Words): Work {
  const [busy, setBusy] = useState(false);
  const [progress, setProgress] = useState<{ what: string; part?: number }>();
  const [problem, setProblem] = useState<string>();
  return {
    busy,
    status: (
      <div class="status">
        {progress !== undefined && (
          <>
            <progress aria-label={progress.what} value={progress.part} max={1} /> <span>{progress.what}</span>
          </>
        )}
        <p role="alert">{problem !== undefined && `${w.failed}: ${problem}`}</p>
      </div>
    ),
    async run(work) {
      if (busy) return;
      setBusy(true);
      setProblem(undefined);
      try {
        await work((what, part) => setProgress({ what, part }));
      } catch (error) {
        setProblem((error as Error).message);
      }
      setProgress(undefined);
      setBusy(false);
    },
  };
}

/** One text a line, empty lines left out. */
export function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

export function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return dot / Math.sqrt(aa * bb);
}

/** -1 … 1 from blue over white to red, as a number of 24 bits: light enough for black letters. */
export function colourOf(value: number): readonly [red: number, green: number, blue: number] {
  const x = Math.max(-1, Math.min(1, value));
  const fade = (most: number): number => Math.round(255 - Math.abs(x) * (255 - most));
  return x < 0 ? [fade(90), fade(150), 255] : [255, fade(130), fade(90)];
}

export const css = (value: number): string => `rgb(${colourOf(value).join(" ")})`;
