import { SingleBar } from "cli-progress";
import { clip, columns } from "./terminal.ts";

/** Shows on standard error how far long work is. In a pipe, and for work that is done at once, it shows nothing. */
export interface Progress {
  /** `done` of `total` of `what`; a total of 0 is not known. `count` is what is printed, where that is another measure than `done`. */
  update(what: string, done: number, total: number, count?: number): void;
  /** Takes the line away; before anything else is printed. */
  stop(): void;
}

/** Milliseconds of work before anything is shown. */
const PATIENCE = 500;

const SILENT: Progress = { update() {}, stop() {} };

/** What the line says, kept while the bar's own timer draws it anew. */
interface State {
  readonly what: string;
  readonly done: number;
  readonly total: number;
  readonly count: number;
}

/** `unit` prints a number of units, as in `12 MB`. */
export function showProgress(unit: (count: number) => string): Progress {
  if (!process.stderr.isTTY) return SILENT;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let state: State = { what: "", done: 0, total: 0, count: 0 };
  let from = state; // where the work stood when it was first seen: a download may go on in the middle
  let since = 0;
  let bar: SingleBar | undefined;
  const line = (): string => {
    const { what, done, total, count } = state;
    const seconds = (performance.now() - since) / 1000;
    const parts = total > 0 ? [what, `${Math.floor((100 * done) / total)} %`, unit(count)] : [what, unit(count)];
    if (count > from.count) parts.push(`${unit((count - from.count) / seconds)}/s`);
    if (total > 0 && done > from.done) {
      parts.push(`${duration((seconds * (total - done)) / (done - from.done))} left`);
    }
    return clip(parts.join("  "), (process.stderr.columns || columns() || 80) - 1);
  };
  const start = (): void => {
    bar = new SingleBar({
      format: line,
      stream: process.stderr,
      clearOnComplete: true,
      // A command that is killed would leave a terminal without cursor or wrapping.
      hideCursor: false,
      linewrap: true,
      fps: 5,
    });
    bar.start(1, 0);
  };
  return {
    update(what, done, total, count = done) {
      const changed = what !== state.what;
      state = { what, done, total, count };
      if (changed) {
        from = state;
        since = performance.now();
      }
      timer ??= setTimeout(start, PATIENCE);
      bar?.update(done);
    },
    stop() {
      clearTimeout(timer);
      bar?.stop();
      bar = undefined;
    },
  };
}

/** Prints a number, which may be a rate, of something: `3.5 texts`. */
export function countOf(what: string): (n: number) => string {
  return (n) => `${n < 10 ? n.toFixed(1).replace(/\.0$/, "") : Math.round(n)} ${what}`;
}

/** Seconds as people say them: `48 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.ceil(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
