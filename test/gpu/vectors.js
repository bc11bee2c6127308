/** Run on the runtime under test, with the built package: what some texts of some models become on WebGPU. */
export async function vectors({ index, webgpu: entry, models, options = {}, float16 = false, shared = true }) {
  const { SentenceTransformer } = await import(index);
  const { webgpu } = await import(entry);
  const seen = { backend: undefined, rows: [], ms: 0 };
  /** One device for all: software takes seconds to compile shaders. */
  let device;
  const gpu = globalThis.navigator?.gpu;
  const backend = webgpu({
    float16,
    device: async () => {
      device ??= await (await gpu.requestAdapter()).requestDevice();
      return device;
    },
  });
  const own = webgpu({ float16 });
  for (const [n, { model, texts }] of models.entries()) {
    // The first on a device that the backend opens for itself, with the self-test.
    const choice = n === 0 || !shared ? { backend: own } : { backend, verify: false };
    const loaded = await SentenceTransformer.load(model, { ...choice, onWarning: () => {}, ...options });
    seen.backend ??= loaded.backend;
    const rows = [];
    for (const { text, ...how } of texts) rows.push(Array.from(await loaded.encode(text, how)));
    seen.rows.push(rows);
    await loaded.dispose();
  }
  device?.destroy();
  return seen;
}

globalThis.vectors = vectors;
// In Deno and Node: the order as JSON on the command line, the answer on standard output.
if (globalThis.process?.argv[2] !== undefined) {
  console.log(JSON.stringify(await vectors(JSON.parse(process.argv[2]))));
}
