import type { Kernels, Sizes } from "../kernels.ts";
import { type Address, arena, put } from "./arena.ts";
import { alone, crewMember } from "./crew.ts";
import type { Int8, Int8Plan } from "./int8/index.ts";
import { GROUP, ROWS } from "./layout.ts";
import { CREW, FIRST_FREE, type Functions } from "./module.ts";
import { attentionRoom, OWN_ROWS, operations, packedRoom } from "./operations.ts";

/** Everything a thread needs to compute with others. Plain data, to be posted to it. */
export interface Seat {
  readonly module: WebAssembly.Module;
  readonly name: string;
  /** Columns of a panel, as the module was made for and the weights were packed with. */
  readonly panel: number;
  readonly index: number;
  readonly count: number;
  readonly packed: Address;
  readonly zeros: Address;
  /** Of a model of whole numbers. */
  readonly int8?: Int8Plan;
  readonly sums: Address;
  readonly scratch: Address;
  readonly own: Address;
}

/** Floats of room for the packed rows of a batch. */
export function packedFor({ hiddenSize, intermediateSize }: Sizes, tokens: number): number {
  return packedRoom(Math.min(ROWS, tokens), Math.max(hiddenSize, intermediateSize));
}

/** Floats that one thread's attention and LayerNorm need. */
export function scratchFor({ hiddenSize: H, heads, longestText }: Sizes, tokens: number, P: number): number {
  return Math.max(attentionRoom(Math.min(tokens, longestText), H / heads, P), H + 4);
}

/** Takes the room `count` threads need beside weights and activations, for batches of so many tokens. RangeError where there is none. */
export function seats(
  kind: Pick<Seat, "module" | "name" | "panel" | "int8">,
  count: number,
  take: (length: number) => Address,
  sizes: Sizes,
  tokens: number,
): Seat[] {
  const packed = take(packedFor(sizes, tokens));
  const zeros = take(GROUP);
  return Array.from({ length: count }, (_, index) => ({
    ...kind,
    index,
    count,
    packed,
    zeros,
    sums: take(ROWS * GROUP),
    own: count === 1 ? 0 : take(packedFor(sizes, OWN_ROWS)),
    scratch: take(scratchFor(sizes, tokens, kind.panel)),
  }));
}

/** The kernels of one thread of a crew; every one of its operations waits for the others. */
export async function takeSeat(
  seat: Seat,
  memory: WebAssembly.Memory,
  int8Of: (plan: Int8Plan) => Int8,
): Promise<Kernels<Address>> {
  const instance = await WebAssembly.instantiate(seat.module, { env: { memory } });
  const f = instance.exports as unknown as Functions;
  const room = arena(memory, FIRST_FREE);
  const { floats, take } = room;
  const { index, count, packed, scratch, sums, zeros, own, panel, name, int8 } = seat;
  const crew = count === 1 ? alone() : crewMember(f, memory, CREW, index, count);
  const rooms = { packed: () => packed, scratch: () => scratch, sums, zeros, own };
  const never = (): never => {
    throw new Error("weights are prepared before a crew takes its seats");
  };
  return {
    name,
    alloc: take,
    write: (to, values) => put(room, to, values),
    prepare: never,
    read: async (from, length) => floats().slice(from / 4, from / 4 + length),
    dispose: async () => {},
    ...operations(f, floats, panel, crew, rooms, int8 && int8Of(int8).product(f)),
  };
}
