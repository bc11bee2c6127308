import {
  advance,
  type F32,
  type Func,
  f32,
  f32x4,
  forRange,
  type I32,
  i32,
  type Local,
  type Statement,
  v128,
  when,
} from "./asm.ts";
import type { ModuleBuilder } from "./module-builder.ts";
import { bytesOf, whole } from "./steps.ts";
import { expOfNegative, type Lanes } from "./vector-math.ts";

/**
 * name(at, bytes): a function of one number over `bytes` (a multiple of 32) of floats, in place. Two vectors a turn: side by side they are
 * what V8 can pair.
 */
export function overLanes(m: ModuleBuilder, name: string, lanes: Lanes): Func {
  return m.func(name, { at: "i32", bytes: "i32" }, (p, locals) => {
    const [x, y] = locals("v128", 2);
    const [end] = locals("i32");
    return [
      end.set(i32.add(p.at, p.bytes)),
      forRange(p.at, p.at, end, 32, () => [
        x.set(v128.load(p.at)),
        y.set(v128.load(p.at, 16)),
        ...lanes(x, locals),
        ...lanes(y, locals),
        v128.store(p.at, x),
        v128.store(p.at, y, 16),
      ]),
    ];
  });
}

/** copy(to, from, toStride, fromStride, rows, bytes): a rectangle of floats. */
export function copy(m: ModuleBuilder): Func {
  const params = { to: "i32", from: "i32", toStride: "i32", fromStride: "i32", rows: "i32", bytes: "i32" } as const;
  return m.func("copy", params, (p, locals) => {
    const [row, i, end] = locals("i32", 3);
    return [
      forRange(row, 0, p.rows, 1, () => [
        end.set(whole(p.bytes, 16, 16)),
        ...copyRow(i, p.to, p.from, end, p.bytes),
        advance(p.to, p.toStride),
        advance(p.from, p.fromStride),
      ]),
    ];
  });
}

/** Copies so many bytes of floats, up to `whole` by vectors, with `i` to count them. */
function copyRow(i: Local<"i32">, to: I32, from: I32, whole: I32, bytes: I32): readonly Statement[] {
  return [
    forRange(i, 0, whole, 16, () => [v128.store(i32.add(to, i), v128.load(i32.add(from, i)))]),
    forRange(i, i, bytes, 4, () => [f32.store(i32.add(to, i), f32.load(i32.add(from, i)))]),
  ];
}

/**
 * unpack(to, stride, from, T, panels): whole panels [panels][T][P] to T rows, `stride` bytes apart. Row by row: a row of the result is
 * whole cache lines, written once.
 */
export function unpack(m: ModuleBuilder, vectors: number): Func {
  const params = { to: "i32", stride: "i32", from: "i32", T: "i32", panels: "i32" } as const;
  return m.func("unpack", params, (p, locals) => {
    const [t, to, from, end] = locals("i32", 4);
    const width = 16 * vectors;
    const row = locals("v128", vectors);
    return [
      forRange(t, 0, p.T, 1, () => [
        from.set(p.from),
        to.set(p.to),
        end.set(i32.add(p.to, i32.mul(p.panels, width))),
        forRange(to, to, end, width, () => [
          ...row.map((v, j) => v.set(v128.load(from, 16 * j))),
          ...row.map((v, j) => v128.store(to, v, 16 * j)),
          advance(from, i32.mul(p.T, width)),
        ]),
        advance(p.from, width),
        advance(p.to, p.stride),
      ]),
    ];
  });
}

/** (0 + 2) + (1 + 3), whatever the vector width; or with another operation than +. */
export function acrossLanes(x: Local<"v128">, op: typeof f32.add): F32 {
  const lane = (i: number) => f32x4.extract_lane(x, i);
  return op(op(lane(0), lane(2)), op(lane(1), lane(3)));
}

/**
 * softmax(scores, stride, rows, L, scale): each row of L scores, in place: times scale, less the largest, e to that, over their sum.
 * A row has room for whole vectors; what stands past L becomes 0.
 */
export function softmax(m: ModuleBuilder): Func {
  const params = { scores: "i32", stride: "i32", rows: "i32", L: "i32", scale: "f32" } as const;
  return m.func("softmax", params, (p, locals) => {
    const [row, i, past, end] = locals("i32", 4);
    const [x, most, sum, largest] = locals("v128", 4);
    return [
      forRange(row, 0, p.rows, 1, () => [
        past.set(i32.add(p.scores, bytesOf(p.L))),
        end.set(i32.add(p.scores, whole(i32.add(p.L, 3), 4, 16))),
        most.set(f32x4.const(-Infinity)),
        forRange(i, past, end, 4, () => [f32.store(i, f32.const(-Infinity))]),
        forRange(i, p.scores, end, 16, () => [
          x.set(f32x4.mul(v128.load(i), f32x4.splat(p.scale))),
          v128.store(i, x),
          most.set(f32x4.pmax(x, most)), // a NaN is forgotten here; e to it is one, and spoils the row by its sum, as it should
        ]),
        largest.set(f32x4.splat(acrossLanes(most, f32.max))),
        sum.set(f32x4.const(0)),
        forRange(i, p.scores, end, 16, () => [
          x.set(f32x4.sub(v128.load(i), largest)),
          ...expOfNegative(x, locals),
          v128.store(i, x),
          sum.set(f32x4.add(sum, x)),
        ]),
        x.set(f32x4.splat(f32.div(f32.const(1), acrossLanes(sum, f32.add)))),
        forRange(i, p.scores, end, 16, () => [v128.store(i, f32x4.mul(v128.load(i), x))]),
        advance(p.scores, p.stride),
      ]),
    ];
  });
}

/**
 * layerNorm(to, x, residual, gain, shift, mask, T, H, epsilon, row): T rows of H floats; residual 0 means none; `row` has room for one row
 * of whole vectors, `mask` is a vector of ones where the last one is inside the row.
 * Two passes: the variance around a mean already known loses nothing to cancellation.
 */
export function layerNorm(m: ModuleBuilder): Func {
  const params = {
    to: "i32",
    x: "i32",
    residual: "i32",
    gain: "i32",
    shift: "i32",
    mask: "i32",
    T: "i32",
    H: "i32",
    epsilon: "f32",
    row: "i32",
  } as const;
  return m.func("layerNorm", params, (p, locals) => {
    const [t, i, end, bytes] = locals("i32", 4);
    const [y, sum, mean, scale] = locals("v128", 4);
    const [h] = locals("f32");
    const at = (base: Local<"i32">) => i32.add(base, i);
    /** Runs over the vectors of a row: whole ones, then the last with zeros past H. */
    const overRow = (
      each: (mask: (v: Local<"v128">) => readonly Statement[]) => readonly Statement[],
    ): readonly Statement[] => [
      forRange(i, 0, end, 16, () => each(() => [])),
      when(i32.ne(end, bytes), () => each((v) => [v.set(v128.and(v, v128.load(p.mask)))])),
    ];
    const ratio = (v: Local<"v128">) => f32.div(acrossLanes(v, f32.add), h);
    return [
      h.set(f32.convert_i32_u(p.H)),
      bytes.set(bytesOf(p.H)),
      end.set(whole(p.H, 4, 16)),
      forRange(t, 0, p.T, 1, () => [
        sum.set(f32x4.const(0)),
        ...overRow((mask) => [
          y.set(v128.load(at(p.x))),
          when(p.residual, () => [y.set(f32x4.add(y, v128.load(at(p.residual))))]),
          ...mask(y),
          v128.store(at(p.row), y),
          sum.set(f32x4.add(sum, y)),
        ]),
        mean.set(f32x4.splat(ratio(sum))),
        sum.set(f32x4.const(0)),
        ...overRow((mask) => [
          y.set(f32x4.sub(v128.load(at(p.row)), mean)),
          ...mask(y),
          v128.store(at(p.row), y),
          sum.set(f32x4.add(sum, f32x4.mul(y, y))),
        ]),
        scale.set(f32x4.splat(f32.div(f32.const(1), f32.sqrt(f32.add(ratio(sum), p.epsilon))))),
        ...overRow(() => [
          y.set(f32x4.mul(f32x4.mul(v128.load(at(p.row)), scale), v128.load(at(p.gain)))),
          v128.store(at(p.row), f32x4.add(y, v128.load(at(p.shift)))),
        ]),
        ...copyRow(i, p.to, p.row, end, bytes),
        advance(p.x, bytes),
        when(p.residual, () => [advance(p.residual, bytes)]),
        advance(p.to, bytes),
      ]),
    ];
  });
}
