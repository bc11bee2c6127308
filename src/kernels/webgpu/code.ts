import type { Activation } from "../kernels.ts";

/*
 * Pieces of WGSL, WebGPU's shading language, that several kernels are made of. Sizes are written into the code: a kernel knows its shapes,
 * so loops have constant bounds, and what is not needed for a shape is not there.
 */

/** Lines for i = 0, 1, …, n - 1. */
export function times(n: number, line: (i: number) => string): string {
  return Array.from({ length: n }, (_, i) => line(i)).join("\n");
}

/**
 * `activate`, for a vec4. The erf form of GELU is max(x, 0) - |x| · Φ(-|x|) with Φ(-a) = e^(-a²/2) · n(a) / d(a), the quotient of the
 * WebAssembly kernels, where it is 5.5e-8 off at most; a GPU's exp adds what it is off by.
 */
export function activation(act: Activation | undefined): string {
  const bodies = {
    none: "return x;",
    relu: "return max(x, vec4f());",
    gelu: `
      let a = min(abs(x), vec4f(13));
      let n = 0.5 + a * (0.30218455 + a * (0.0885144 + a * 0.01034145));
      let d = 1.0 + a * (1.40225344 + a * (0.79586777 + a * (0.22051517 + a * 0.02599346)));
      return max(x, vec4f()) - a * exp(-0.5 * a * a) * n / d;`,
    // x / (1 + e^(-2u)): tanh of large numbers is NaN on some drivers.
    gelu_tanh: `
      let u = clamp(-1.5957691216057308 * (x + 0.044715 * x * x * x), vec4f(-80), vec4f(80));
      return x / (1.0 + exp(u));`,
  };
  return `fn activate(x: vec4f) -> vec4f { ${bodies[act ?? "none"]} }`;
}
