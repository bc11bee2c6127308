import { isSpace } from "./characters.ts";

/**
 * Reads `vocab.txt`, one token a line, ids from 0. As in the reference, lines end in \n or \r\n, white space at their end does not count,
 * and a token that stands on several lines has the last one's id.
 */
export function readVocabulary(text: string): Map<string, number> {
  const vocabulary = new Map<string, number>();
  let id = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const next = newline < 0 ? text.length : newline;
    vocabulary.set(trimEnd(text, start, next), id++);
    start = next + 1;
  }
  return vocabulary;
}

/** `trimEnd` with the frozen table of white space: the engine's own also takes U+FEFF, and leaves U+0085. */
function trimEnd(text: string, start: number, end: number): string {
  let to = end;
  while (to > start && isSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(start, to);
}
