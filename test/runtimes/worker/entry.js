/**
 * Run in workerd: loads models from a bucket or from assets, hashes, encodes, and says how much WebAssembly memory there is. Bundled with the built
 * package as wrangler bundles a Worker.
 */
import { BertModel, SentenceTransformer } from "munjang";
import { inAssets, inBucket } from "munjang/edge";
import "munjang/int8";
import "munjang/shards";
import float32 from "munjang/wasm/float32.wasm";
import int8 from "munjang/wasm/int8.wasm";
import int812 from "munjang/wasm/int8-12.wasm";

const MODULES = [float32, int8, int812];

/** Every memory there is: inspectors count heap and array buffers, not these. */
const memories = [];
const { Memory } = WebAssembly;
WebAssembly.Memory = class extends Memory {
  constructor(descriptor) {
    super(descriptor);
    memories.push(this);
  }
};

let model;
let edge;

const actions = {
  /** Puts an object into the bucket. */
  async put({ key }, env, request) {
    await env.MODELS.put(key, request.body);
  },

  /** Reads objects through and keeps nothing, as any worker would that streams them. */
  async stream({ keys }, env) {
    for (const key of keys) {
      const reader = (await env.MODELS.get(key)).body.getReader();
      while (!(await reader.read()).done);
    }
  },

  async load({ from, folder, rows, options }, env) {
    edge = from === "assets" ? inAssets(env.ASSETS, folder) : inBucket(env.MODELS, folder);
    const start = Date.now();
    model = await SentenceTransformer.load(edge.source, {
      rows: rows ?? edge.rows,
      wasmModules: MODULES,
      ...options,
    });
    return { backend: model.backend, warnings: model.warnings, identity: model.identity, ms: Date.now() - start };
  },

  async encode({ texts }) {
    // As bytes: text would be garbage in the heap that is measured.
    return new Response(new Blob(await model.encode(texts)).stream(), {
      headers: { "content-type": "application/octet-stream" },
    });
  },

  async dispose() {
    await model.dispose();
  },

  async memory() {
    return { wasm: memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0), stats: edge?.stats };
  },

  /** The hash of the corpus, as in page.js. */
  async hash({ folder, corpus, options, compiled = true }, env) {
    const { source } = inBucket(env.MODELS, folder);
    const texts = corpus.map((ids) => ({ ids: Int32Array.from(ids) }));
    const loaded = await BertModel.load(source, {
      wasmModules: compiled ? MODULES : undefined,
      calibration: texts.slice(0, 40),
      ...options,
    });
    const states = [];
    for (let n = 0; n < texts.length; n += 50) {
      const some = texts.slice(n, n + 50);
      const { tokenEmbeddings } = await loaded.forward(some);
      const [, L, H] = tokenEmbeddings.shape;
      for (const [i, { ids }] of some.entries()) {
        states.push(tokenEmbeddings.data.slice(i * L * H, (i * L + ids.length) * H));
      }
    }
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await new Blob(states).arrayBuffer()));
    const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return { backend: loaded.backend, hash };
  },
};

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    try {
      const given = searchParams.get("with");
      const input = given === null ? await request.json() : JSON.parse(given);
      const output = await actions[pathname.slice(1)](input, env, request);
      return output instanceof Response ? output : Response.json(output ?? null);
    } catch (error) {
      return Response.json({ error: String(error) }, { status: 500 });
    }
  },
};
