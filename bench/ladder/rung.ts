/** Sizes of the product c [M,N] = a [M,K] · b [K,N]. Rungs may take them for multiples of 120 and 16: what to do with the rest is no idea of theirs. */
export interface Sizes {
  readonly M: number;
  readonly K: number;
  readonly N: number;
}

/** One way to multiply matrices, and what is new about it. */
export interface Rung {
  readonly name: string;
  readonly idea: string;
  /** What V8 must be told before it runs. */
  readonly flag?: string;
  /** Unit roundoff of what it computes with: results may be off by a few of it, times the sum of the sizes of all products. Default: float32's. */
  readonly roundoff?: number;
  /** The rung it grew from, by name, where that is not the one before. */
  readonly after?: string;
  /** Somebody else's, to compare with: no rung of the ladder. */
  readonly outside?: true;
  /** Takes b in, once, as a model's weights are. Throws where the runtime cannot do this. */
  make(b: Float32Array, sizes: Sizes): Product | Promise<Product>;
}

export interface Product {
  /** Writes a · b to c. */
  run(a: Float32Array, c: Float32Array): void | Promise<void>;
  dispose?(): void | Promise<void>;
}
