/** Requests the server holds, each from its coming until its answer has left, and the bytes of those answers. */
export interface Held {
  readonly requests: number;
  readonly bytes: number;
  add(): Holding;
}

/** One request. */
export interface Holding {
  /** Counts the bytes of its answer, unless they are too many beside what other answers have; then it says false. */
  grow(bytes: number): boolean;
  end(): void;
}

/** An answer finds room where no other is held, however large it is. */
export function openHeld(maxBytes: number): Held {
  let requests = 0;
  let bytes = 0;
  return {
    get requests() {
      return requests;
    },
    get bytes() {
      return bytes;
    },
    add() {
      let own = 0;
      requests++;
      return {
        grow(more) {
          if (bytes > own && bytes + more > maxBytes) return false;
          own += more;
          bytes += more;
          return true;
        },
        end() {
          requests--;
          bytes -= own;
        },
      };
    },
  };
}
