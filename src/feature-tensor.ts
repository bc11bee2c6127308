/**
 * Numbers as Transformers.js hands them out: `tensor[0]` and a loop go over the first axis, and share the memory. `L` is what `tolist` answers,
 * `number[][]` where there are two axes.
 */
export interface FeatureTensor<L = NestedNumbers, D = Float32Array | Int8Array | Uint8Array> {
  readonly type: "float32" | "int8" | "uint8";
  /** Size of every axis, outermost first. */
  readonly dims: number[];
  /** Row-major. */
  readonly data: D;
  /** Numbers in all. */
  readonly size: number;
  /** The numbers as nested arrays. */
  tolist(): L;
  [Symbol.iterator](): IterableIterator<PartOf<L, D>>;
  readonly [index: number]: PartOf<L, D>;
}

export type NestedNumbers = number[] | NestedNumbers[];

/** A row of a matrix, a number of a row. */
export type PartOf<L, D> = L extends readonly (infer P)[] ? (P extends number ? number : FeatureTensor<P, D>) : never;

type Data = Float32Array | Int8Array | Uint8Array;
type AnyTensor = FeatureTensor<NestedNumbers, Data>;

const TYPES = { Float32Array: "float32", Int8Array: "int8", Uint8Array: "uint8" } as const;

/** A tensor over `data`, which must have as many numbers as `dims` say. */
export function featureTensor<L, D extends Data>(data: D, dims: number[]): FeatureTensor<L, D> {
  return tensorOf(data, dims) as unknown as FeatureTensor<L, D>;
}

function tensorOf(data: Data, dims: number[]): AnyTensor {
  const [count, ...inner] = dims;
  const size = inner.reduce((product, dim) => product * dim, 1);
  const part = (n: number): AnyTensor | number =>
    inner.length === 0 ? data[n] : tensorOf(data.subarray(n * size, (n + 1) * size), inner);
  function* parts(): Generator<AnyTensor | number> {
    for (let n = 0; n < count; n++) yield part(n);
  }
  const listOf = (one: AnyTensor | number): number | NestedNumbers => (typeof one === "number" ? one : one.tolist());
  const tensor = {
    type: TYPES[data.constructor.name as keyof typeof TYPES],
    dims,
    data,
    size: data.length,
    tolist: () => Array.from(parts(), listOf) as NestedNumbers,
    [Symbol.iterator]: parts,
  };
  // An index is looked up when it is asked for: a property for each would be one for every token of every text.
  return new Proxy(tensor, {
    get(target, key, receiver) {
      const n = typeof key === "string" && /^\d+$/.test(key) ? Number(key) : count;
      return n < count ? part(n) : Reflect.get(target, key, receiver);
    },
  }) as unknown as AnyTensor;
}
