import { PEAK, timed } from "./measure.js";

/*
 * What an adapter can do at most, measured: multiplications and additions in registers, nothing else. How many chains keep it busy, and whether
 * `fma` is one instruction there, differs, so some kernels are tried and the fastest is the peak.
 */

const THREADS = 128;

function code(chains, fused) {
  const each = (line) => Array.from({ length: chains }, (_, i) => line(i)).join(" ");
  return `
    @group(0) @binding(0) var<storage, read_write> out: array<vec4f>;
    struct Given { factor: vec4f, term: vec4f, loops: u32 }
    @group(0) @binding(1) var<uniform> given: Given;
    @compute @workgroup_size(${THREADS})
    fn main(@builtin(global_invocation_id) at: vec3u) {
      let m = given.factor; let c = given.term;
      ${each((i) => `var a${i} = vec4f(f32(at.x + ${i}));`)}
      for (var i = 0u; i < given.loops; i++) {
        ${`${each((i) => (fused ? `a${i} = fma(a${i}, m, c);` : `a${i} = a${i} * m + c;`))}\n`.repeat(4)}
      }
      out[at.x] = ${Array.from({ length: chains }, (_, i) => `a${i}`).join(" + ")};
    }`;
}

/** One kernel, of which `run(1)` takes at least some milliseconds. */
async function contender(device, chains, fused, milliseconds, groups) {
  const module = device.createShaderModule({ code: code(chains, fused) });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const out = device.createBuffer({ size: 16 * THREADS * groups, usage: 0x84 }); // STORAGE, COPY_SRC
  const given = device.createBuffer({ size: 48, usage: 0x48 }); // UNIFORM, COPY_DST
  const staging = device.createBuffer({ size: 16, usage: 0x9 }); // MAP_READ, COPY_DST
  const entries = [out, given].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const run = async (n) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < n; i++) pass.dispatchWorkgroups(groups);
    pass.end();
    encoder.copyBufferToBuffer(out, 0, staging, 0, 16);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(1);
    const [value] = new Float32Array(staging.getMappedRange());
    staging.unmap();
    if (!Number.isFinite(value)) throw new Error(`the kernel for the peak gave ${value}`);
  };
  const values = new Float32Array(12).fill(0.999, 0, 4).fill(0.001, 4, 8);
  let loops = 16;
  for (; ; loops *= 2) {
    new Uint32Array(values.buffer)[8] = loops;
    device.queue.writeBuffer(given, 0, values);
    await run(1);
    if ((await timed(() => run(1))) >= milliseconds || loops >= 2 ** 24) break;
  }
  const flop = 2 * 4 * 4 * chains * loops * THREADS * groups;
  const dispose = () => [out, given, staging].forEach((buffer) => void buffer.destroy());
  return { name: PEAK, what: `${chains} vec4 chains, ${fused ? "fma" : "multiply, add"}`, flop, run, dispose };
}

/** The fastest of the kernels, as a contender. */
export async function peakOf(device, { software, milliseconds = software ? 60 : 20, groups = software ? 64 : 8192 }) {
  let best;
  for (const fused of [true, false]) {
    for (const chains of [4, 8, 16]) {
      const one = await contender(device, chains, fused, milliseconds, groups);
      let least = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 3; i++) least = Math.min(least, await timed(() => one.run(1)));
      const found = { ...one, gflops: one.flop / least / 1e6 };
      if (best === undefined || found.gflops > best.gflops) {
        best?.dispose();
        best = found;
      } else one.dispose();
    }
  }
  return best;
}
