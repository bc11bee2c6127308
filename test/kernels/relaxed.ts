import { setFlagsFromString } from "node:v8";

/** () -> v128 of one relaxed_madd, byte by byte: what tells whether the engine knows it must not come from the assembler under test. */
const PROBE = Uint8Array.from([
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 5, 1, 0x60, 0, 1, 0x7b],
  ...[3, 2, 1, 0],
  ...[10, 19, 1, 17, 0], // one body of 17 bytes, no locals
  ...[0x41, 0, 0xfd, 0x11], // i32x4.splat(0)
  ...[0x41, 0, 0xfd, 0x11],
  ...[0x41, 0, 0xfd, 0x11],
  ...[0xfd, 0x85, 0x02, 0x0b], // f32x4.relaxed_madd, end
]);

/** Whether the engine takes modules with relaxed SIMD. */
export function hasRelaxed(): boolean {
  return WebAssembly.validate(PROBE);
}

/** Switches relaxed SIMD on where it is there behind V8's flag, as in Node 20; answers whether it is on. For the whole process. */
export function switchRelaxedOn(): boolean {
  if (!hasRelaxed() && process.versions.v8 !== undefined) setFlagsFromString("--experimental-wasm-relaxed-simd");
  return hasRelaxed();
}
