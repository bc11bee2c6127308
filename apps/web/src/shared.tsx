import { useState } from "preact/hooks";
import type { Client, Progress } from "./client.ts";
import type { Loaded, Reading } from "./protocol.ts";
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
  /** Whether the last one went wrong. */
  readonly failed: boolean;
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
    failed: problem !== undefined,
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

interface FieldProps {
  readonly w: Words;
  readonly label: string;
  readonly value: string;
  readonly onText: (text: string) => void;
  /** Lines that are shown; left out, it is a field of one line. */
  readonly rows?: number;
}

/** A text that is asked for, and must not be blank. */
export function Field({ w, label, value, onText, rows }: FieldProps) {
  const about = {
    lang: "ko",
    required: true,
    ref: filled(w, value),
    value,
    onInput: ({ currentTarget }: { currentTarget: { value: string } }) => onText(currentTarget.value),
  };
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: one of the two is always in it
    <label>
      {label}
      {rows === undefined ? <input {...about} /> : <textarea rows={rows} {...about} />}
    </label>
  );
}

/** A field's own fault where there is nothing in it but spaces, which `required` lets pass: `ref={filled(w, value)}`. */
export function filled(w: Words, value: string): (field: HTMLInputElement | HTMLTextAreaElement | null) => void {
  return (field) => field?.setCustomValidity(value.trim() === "" ? w.blank : "");
}

interface StaleProps {
  readonly w: Words;
  readonly id: string;
  /** Whether what is shown is of another text, or another model, than what stands in the fields. */
  readonly old: boolean;
  /** The button that makes it new. */
  readonly press: string;
  readonly children: preact.ComponentChildren;
}

/** Results, marked where they are no longer those of the fields above. */
export function Stale({ w, id, old, press, children }: StaleProps) {
  return (
    <>
      <p aria-live="polite" class="told" id={id}>
        {old && w.stale(press)}
      </p>
      <div class={old ? "stale" : undefined}>{children}</div>
    </>
  );
}

/** What of a text the model does not read as it stands; nothing where it reads all. */
export function Told({ w, reading }: { w: Words; reading: Reading | undefined }) {
  if (reading === undefined) return null;
  const { read, all, unknown, decomposed } = reading;
  const told = [
    all > read && w.cut(read, all),
    decomposed && w.decomposed,
    unknown.length > 0 && w.unknown([...new Set(unknown)].slice(0, 8).join(", ")),
  ].filter((one) => one !== false);
  return told.map((one) => (
    <small key={one} class="told">
      {one}
    </small>
  ));
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
