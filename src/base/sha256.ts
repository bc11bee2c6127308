import { wholeRoot } from "./roots.ts";

/**
 * SHA-256 (FIPS 180-4), in parts: `crypto.subtle` takes only whole messages, and is missing where pages are not served securely. Its
 * constants are the first 32 bits of the fractional parts of square and cube roots of primes, worked out here rather than listed.
 */
export interface Sha256 {
  update(bytes: Uint8Array): Sha256;
  /** The digest, 64 hexadecimal digits. The hash takes no more after it. */
  hex(): string;
}

export function sha256(): Sha256 {
  const state = START.slice();
  const block = new Uint8Array(64);
  let filled = 0;
  let length = 0;
  const next = (): void => {
    compress(state, block, 0);
    filled = 0;
  };
  return {
    update(bytes) {
      length += bytes.length;
      let i = 0;
      while (i < bytes.length) {
        // Whole blocks are read where they stand.
        for (; filled === 0 && i + 64 <= bytes.length; i += 64) compress(state, bytes, i);
        if (i < bytes.length) block[filled++] = bytes[i++];
        if (filled === 64) next();
      }
      return this;
    },
    hex() {
      const bits = length * 8;
      block[filled++] = 0x80;
      block.fill(0, filled);
      if (filled > 56) {
        next();
        block.fill(0);
      }
      const view = new DataView(block.buffer);
      view.setUint32(56, Math.floor(bits / 2 ** 32));
      view.setUint32(60, bits >>> 0);
      next();
      return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
    },
  };
}

/** The message schedule of the block at hand. */
const w = new Int32Array(64);

/** Takes the 64 bytes from `at` on into the state. */
function compress(state: Int32Array, bytes: Uint8Array, at: number): void {
  for (let t = 0, i = at; t < 16; t++, i += 4) {
    w[t] = (bytes[i] << 24) | (bytes[i + 1] << 16) | (bytes[i + 2] << 8) | bytes[i + 3];
  }
  for (let t = 16; t < 64; t++) {
    const s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ (w[t - 15] >>> 3);
    const s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ (w[t - 2] >>> 10);
    w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
  }
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let t = 0; t < 64; t++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const choice = (e & f) ^ (~e & g);
    const t1 = (h + sum1 + choice + ROUND[t] + w[t]) | 0;
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + sum0 + majority) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

const PRIMES: readonly bigint[] = firstPrimes(64);
/** First 32 bits of the fractional parts of √2, √3, √5, … √19. */
const START: Int32Array = Int32Array.from(PRIMES.slice(0, 8), (p) => fraction(p, 2n));
/** First 32 bits of the fractional parts of the cube roots of the first 64 primes. */
const ROUND: Int32Array = Int32Array.from(PRIMES, (p) => fraction(p, 3n));

function rotate(x: number, by: number): number {
  return (x >>> by) | (x << (32 - by));
}

function firstPrimes(count: number): bigint[] {
  const primes: bigint[] = [];
  for (let n = 2n; primes.length < count; n++) if (primes.every((p) => n % p !== 0n)) primes.push(n);
  return primes;
}

/** ⌊2³² · p^(1/root)⌋ without its whole part. */
function fraction(p: bigint, root: bigint): number {
  return Number(wholeRoot(p << (32n * root), root, p << 32n) & 0xffffffffn);
}
