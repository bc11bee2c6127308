/**
 * The whole boundary between file formats and the world: how long it is, and a part of it. An `ArrayBuffer` is one as it stands;
 * a file handle, a `Blob`, or a URL that answers range requests become one in a few lines.
 */
export interface ByteSource {
  readonly byteLength: number;
  /**
   * Bytes `start` (inclusive) to `end` (exclusive), both inside the source. A source may fill `into`, which has just that length and is no
   * longer needed for anything else, and answer with it: memory that is only used once is let go of late.
   */
  slice(start: number, end: number, into?: ArrayBuffer): ArrayBuffer | Promise<ArrayBuffer>;
  /** Lets go of a file handle, where there is one. */
  close?(): Promise<void>;
}

/** Gives memory back at once, where the language can. What is left to be collected stays resident for long, and there is a lot of it. */
export function letGo(bytes: ArrayBuffer): void {
  (bytes as { transfer?(length: number): unknown }).transfer?.(0);
}
