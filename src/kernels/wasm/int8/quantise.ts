import type { ModuleBuilder } from "../module-builder.ts";
import { rowTiles, type Tile } from "../row-tiles.ts";
import { acrossLanes } from "../rows.ts";
import { bytesOf, whole } from "../steps.ts";
import {
  advance,
  call,
  type Func,
  f32,
  f32x4,
  forRange,
  i8x16,
  i16x8,
  i32,
  i32x4,
  type Statement,
  until,
  type V128,
  v128,
  when,
} from "./asm.ts";
import type { Dot } from "./dots.ts";
import { type Bits, kOf, LARGEST, ROW_BYTES } from "./layout.ts";

/**
 * quantiseRows(to, rows, x, balance, mask, T, K, share, shares): T rows of K floats, times balance, to whole numbers in the packed layout
 * [row tiles][steps][height][4 bytes]; `rows` gets the scale and zero point of each. The tiles whose turn it is when `shares` threads take
 * turns and this is number `share`. `mask` is a vector of ones in the lanes of the last vector that are inside the row.
 */
export function quantiseRows(m: ModuleBuilder, tile: Tile, dot: Dot, bits: Bits): Func {
  const row = quantiseRow(m, dot, bits);
  const params = {
    to: "i32",
    rows: "i32",
    x: "i32",
    balance: "i32",
    mask: "i32",
    T: "i32",
    K: "i32",
    share: "i32",
    shares: "i32",
  } as const;
  return m.func("quantiseRows", params, (p, locals) => {
    const [i, bytes, steps, turn] = locals("i32", 4);
    const tiles = rowTiles(p.T, tile, locals);
    return [
      ...tiles.split,
      bytes.set(bytesOf(p.K)),
      steps.set(i32.mul(i32.div_u(i32.add(p.K, 3), 4), 4 / kOf(dot))),
      ...tiles.each((height) => [
        when(i32.eq(i32.rem_u(turn, p.shares), p.share), () => [
          forRange(i, 0, height, 1, () => [
            call(
              row,
              i32.add(p.to, bytesOf(i)),
              bytesOf(height),
              i32.add(p.rows, i32.mul(i, ROW_BYTES)),
              i32.add(p.x, i32.mul(i, bytes)),
              p.balance,
              p.mask,
              bytes,
            ),
          ]),
        ]),
        advance(turn, 1),
        advance(p.rows, i32.mul(height, ROW_BYTES)),
        advance(p.x, i32.mul(height, bytes)),
        advance(p.to, i32.mul(height, bytesOf(steps))),
      ]),
    ];
  });
}

/**
 * quantiseRow(to, step, row, x, balance, mask, bytes): one row of `bytes` bytes; every four bytes of the result stand `step` bytes further.
 *
 * 7 bits: from lo = min(0, least) to hi = max(0, largest) in steps of s = (hi - lo) / 127, and z is what 0 becomes. 12 bits: steps of
 * s = largest magnitude / 2047, and 0 stays 0. A row of zeros has steps of 1, one with a NaN or an infinity steps of NaN.
 */
function quantiseRow(m: ModuleBuilder, dot: Dot, bits: Bits): Func {
  const params = { to: "i32", step: "i32", row: "i32", x: "i32", balance: "i32", mask: "i32", bytes: "i32" } as const;
  return m.func("quantiseRow", params, (p, locals) => {
    const [i, end, z] = locals("i32", 3);
    const [low, high, scale, zero, most, spoilt] = locals("v128", 6);
    const v = locals("v128", 4);
    const [lo, s] = locals("f32", 2);
    const balanced = (at: number): V128 =>
      f32x4.mul(v128.load(i32.add(p.x, i), at), v128.load(i32.add(p.balance, i), at));
    const widen = (x: V128): readonly Statement[] => [
      v[0].set(x),
      low.set(f32x4.pmin(v[0], low)),
      high.set(f32x4.pmax(v[0], high)),
      spoilt.set(f32x4.add(spoilt, f32x4.mul(v[0], zero))), // 0, but for NaN and infinity
    ];
    const largest = f32.const(LARGEST[bits]);
    const hi = acrossLanes(high, f32.max);
    /** At most so large, where seven bits are cut off later: a step that is no normal number may be rounded far. */
    const within = (x: V128): V128 => (bits === 7 ? x : f32x4.pmax(f32x4.pmin(x, high), low));
    /** The next `count` vectors of the row, to as many lanes of 32 bits as they make. */
    const quantise = (count: 1 | 4): readonly Statement[] => {
      const used = v.slice(0, count);
      const [a, b, c, d] = count === 4 ? v : Array(4).fill(v[0]);
      const lanes: (readonly [V128, number])[] = [];
      const [first, second] = [i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)];
      /** What only four vectors have: a second half. */
      const half = (value: V128): readonly Statement[] => (count === 4 ? [b.set(value)] : []);
      const pack: Statement[] = [];
      if (bits === 12) pack.push(a.set(first), ...half(second));
      else {
        pack.push(a.set(i8x16.min_u(i8x16.narrow_i16x8_u(first, second), most)));
        if (dot === "pairs2") pack.push(...half(i16x8.extend_high_i8x16_s(a)), a.set(i16x8.extend_low_i8x16_s(a)));
      }
      for (let lane = 0; lane < (dot === "pairs2" ? 2 : 1) * count; lane++) lanes.push([lane < 4 ? a : b, lane % 4]);
      return [
        ...used.map((x, j) =>
          x.set(i32x4.trunc_sat_f32x4_s(within(f32x4.nearest(f32x4.div(balanced(16 * j), scale))))),
        ),
        ...(bits === 12 ? [] : used.map((x) => x.set(i32x4.add(x, zero)))),
        ...pack,
        ...lanes.flatMap(([x, lane]) => [v128.store32_lane(p.to, x, 0, lane), advance(p.to, p.step)]),
        advance(i, 16 * count),
      ];
    };
    return [
      end.set(whole(p.bytes, 16, 16)),
      forRange(i, 0, end, 16, () => widen(balanced(0))),
      when(i32.ne(end, p.bytes), () => widen(v128.and(balanced(0), v128.load(p.mask)))),
      lo.set(acrossLanes(low, f32.min)),
      s.set(f32.div(bits === 7 ? f32.sub(hi, lo) : f32.max(hi, f32.neg(lo)), largest)),
      when(f32.eq(s, f32.const(0)), () => [s.set(f32.const(1))]),
      // What is not a number spoils the row, as it does with floats.
      s.set(f32.add(s, acrossLanes(spoilt, f32.add))),
      ...(bits === 12 ? [] : [z.set(i32.trunc_sat_f32_s(f32.nearest(f32.div(f32.neg(lo), s))))]),
      f32.store(p.row, s),
      i32.store(p.row, z, 4),
      scale.set(f32x4.splat(s)),
      zero.set(i32x4.splat(z)),
      most.set(i32x4.splat(0x7f7f7f7f)),
      ...(bits === 7 ? [] : [high.set(f32x4.const(LARGEST[12])), low.set(f32x4.const(-LARGEST[12]))]),
      i.set(0),
      end.set(whole(p.bytes, 64, 64)),
      until(i, end, () => quantise(4)),
      end.set(i32.mul(i32.div_u(i32.add(p.bytes, 15), 16), 16)),
      until(i, end, () => quantise(1)),
    ];
  });
}
