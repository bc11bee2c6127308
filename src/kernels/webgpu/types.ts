/** A piece of a GPU's memory. */
export interface GpuBuffer {
  /** Tells buffers apart where a text is wanted. */
  readonly id: number;
  readonly buffer: GPUBuffer;
  /** Numbers of 32 bits. */
  readonly length: number;
}

/** What a buffer may be used for; the numbers are the standard's, whose names Node has not got. */
export const USAGE: { readonly staging: number; readonly uniform: number; readonly storage: number } = {
  /** Read by the host: MAP_READ, COPY_DST. */
  staging: 0x9,
  /** UNIFORM, COPY_DST. */
  uniform: 0x48,
  /** STORAGE, COPY_SRC, COPY_DST. */
  storage: 0x8c,
};

export const MAP_READ = 0x1;
