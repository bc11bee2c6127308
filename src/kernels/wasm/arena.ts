/** An address in the backend's memory, in bytes. */
export type Address = number;

export const PAGE = 65536;

/** Where numbers are kept: the memory kernels work in, or a distant one that is told what to hold. */
export interface Store {
  /** Room for `length` floats, zeros, and for reading a whole vector that begins at the last of them. RangeError where there is none. */
  take(length: number): Address;
  /** Makes room for `length` floats to come, where it can. */
  expect?(length: number): void;
  /** Has `length` floats at an address written by `write`, which is handed them as an array: as they stand there, or zeros. */
  fill(to: Address, length: number, write: (into: Float32Array) => void): void;
}

export interface Arena extends Store {
  /** All of the memory. A new view after every growth, so never kept. */
  floats(): Float32Array;
}

/** Writes `values` to an address. */
export function put(store: Store, to: Address, values: Float32Array): void {
  store.fill(to, values.length, (into) => into.set(values));
}

/** Hands out addresses from `free` up, and nothing is given back; `need` is told how many bytes must be there. */
export function addresses(free: Address, need: (bytes: number) => void): (length: number) => Address {
  return (length) => {
    const at = free;
    const end = Math.ceil((at + 4 * length + 16) / 64) * 64;
    need(end);
    free = end;
    return at;
  };
}

/** The memory itself, which grows as it is taken. */
export function arena(memory: WebAssembly.Memory, free: Address): Arena {
  let view = new Float32Array(memory.buffer);
  const floats = () => {
    if (view.buffer !== memory.buffer) view = new Float32Array(memory.buffer);
    return view;
  };
  const need = (bytes: number): void => {
    const missing = bytes - memory.buffer.byteLength;
    if (!(missing <= 0)) memory.grow(Math.min(Math.ceil(missing / PAGE), PAGE + 1)); // one page too many is refused, not wrapped
  };
  return {
    floats,
    take: addresses(free, need),
    expect(length) {
      try {
        need(memory.buffer.byteLength + 4 * length);
      } catch {
        // Whoever takes more than there is will be told so.
      }
    },
    fill: (to, length, write) => write(floats().subarray(to / 4, to / 4 + length)),
  };
}

/** Room that is as large as the largest length asked for so far; what stood in it is lost when it grows. */
export function growing(take: (length: number) => Address): (length: number) => Address {
  let at = 0;
  let capacity = 0;
  return (length) => {
    if (length > capacity) {
      const larger = Math.max(length, capacity * 2); // doubling: what is left behind is never more than what is used
      at = take(larger);
      capacity = larger;
    }
    return at;
  };
}
