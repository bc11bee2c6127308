import { times } from "./code.ts";

/*
 * softmax(q kᵀ / √D) v inside each sentence and head. A workgroup takes 32 tokens of one sentence and one head, a thread one of these tokens:
 * its q and what it has gathered stay in registers, keys and values pass by in shared memory, and the sum is scaled anew whenever a larger
 * score comes (Milakov and Gimelshein 2018), so that no row of scores is ever stored.
 */

/** Tokens of a workgroup. */
export const BLOCK = 32;

export function attention(heads: number, H: number): string {
  const D = H / heads;
  const vectors = Math.ceil(D / 4);
  const whole = D % 4 === 0;
  /** Keys in shared memory at once; 16 KB is what every adapter has. */
  const keys = Math.max(1, Math.min(16, Math.floor(1024 / (2 * vectors))));
  const four = (at: string): string => {
    if (whole) return `qkv[(${at}) / 4]`;
    return `vec4f(${[0, 1, 2, 3].map((i) => `select(0.0, qkv[min(${at} + ${i}, arrayLength(&qkv) - 1)], d + ${i} < ${D})`).join(", ")})`;
  };
  const store = whole
    ? "out[(o + d) / 4] = y;"
    : times(4, (i) => `if (d + ${i} < ${D}) { out[o + d + ${i}] = y[${i}]; }`);
  return `
    @group(0) @binding(0) var<storage, read_write> out: array<${whole ? "vec4f" : "f32"}>;
    @group(0) @binding(1) var<storage, read> qkv: array<${whole ? "vec4f" : "f32"}>;
    @group(0) @binding(2) var<storage, read> blocks: array<vec4u>; // first token, first and behind the last of its sentence
    var<workgroup> k: array<vec4f, ${keys * vectors}>;
    var<workgroup> v: array<vec4f, ${keys * vectors}>;

    fn load(at: u32, d: u32) -> vec4f { return ${four("at + d")}; }
    fn store(o: u32, d: u32, y: vec4f) { ${store} }

    @compute @workgroup_size(${BLOCK})
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) i: u32) {
      let block = blocks[group.x];
      let head = group.y * ${D};
      let token = block.x + i;
      // Threads behind the sentence's end compute along, since all of them carry, and write nothing.
      let at = min(token, block.z - 1) * ${3 * H} + head;
      ${times(vectors, (d) => `let q${d} = load(at, ${4 * d}) * ${1 / Math.sqrt(D)}; var y${d} = vec4f();`)}
      var most = -3.0e38;
      var sum = 0.0;
      for (var first = block.y; first < block.z; first += ${keys}) {
        let here = min(${keys}u, block.z - first);
        for (var n = i; n < here * ${vectors}; n += ${BLOCK}) {
          let key = (first + n / ${vectors}) * ${3 * H} + head;
          let d = 4 * (n % ${vectors});
          k[n] = load(key + ${H}, d);
          v[n] = load(key + ${2 * H}, d);
        }
        workgroupBarrier();
        for (var j = 0u; j < here; j++) {
          let row = j * ${vectors};
          var score = 0.0;
          ${times(vectors, (d) => `score += dot(q${d}, k[row + ${d}]);`)}
          let larger = max(most, score);
          let before = exp(most - larger);
          let p = exp(score - larger);
          sum = sum * before + p;
          ${times(vectors, (d) => `y${d} = y${d} * before + p * v[row + ${d}];`)}
          most = larger;
        }
        workgroupBarrier();
      }
      if (token < block.z) {
        let o = token * ${H} + head;
        ${times(vectors, (d) => `store(o, ${4 * d}, y${d} / sum);`)}
      }
    }`;
}
