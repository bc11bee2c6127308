import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { folder, munjang, refused } from "./run.ts";

const golden = (name: string): string => fileURLToPath(new URL(`../../../test/golden/models/${name}`, import.meta.url));

test("info: the architecture as the model card prints it, and what the model is", async () => {
  const { code, out, err } = await munjang(["info"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain(`SentenceTransformer(
  (0): Transformer({'max_seq_length': 128, 'do_lower_case': False}) with Transformer model: BertModel
  (1): Pooling({'word_embedding_dimension': 256, 'pooling_mode_cls_token': False, 'pooling_mode_mean_tokens': True, 'pooling_mode_max_tokens': False, 'pooling_mode_mean_sqrt_len_tokens': False})
)
`);
  const model = new URL("../../../weights/model/", import.meta.url);
  const { size } = statSync(new URL("model.safetensors", model));
  expect(out).toMatch(new RegExp(`\\n {2}model\\.safetensors +${Number((size / 1e6).toPrecision(3))} MB\\n`));
  // Of BERT: three tables and a LayerNorm; in each layer four products of H x H, two of H x W, and two LayerNorms.
  const config = JSON.parse(readFileSync(new URL("config.json", model), "utf8"));
  const { vocab_size, max_position_embeddings, type_vocab_size, hidden_size: H, intermediate_size: W } = config;
  const tables = (vocab_size + max_position_embeddings + type_vocab_size) * H + 2 * H;
  const layer = 4 * (H * H + H) + (H * W + W) + (W * H + H) + 4 * H;
  const parameters = (tables + config.num_hidden_layers * layer).toLocaleString("en");
  expect(out).toContain(`\nparameters  ${parameters} `);
  expect(out).toMatch(/\ndtype {7}float32, int32, int8 in the file, int8 computed\n/);
  expect(out).toMatch(/\nmemory {6}[\d.]+ MB \(this process at its peak \d+/);
  expect(out).toMatch(/\nlimit {7}128 tokens/);
  expect(out).toContain(`\nvocabulary  ${vocab_size.toLocaleString("en")} pieces\n`);
  expect(out).toMatch(/\nidentity {4}[0-9a-f]{64}\n$/);
});

test("info: JSON; every golden model's parameters are those of its file", async () => {
  for (const name of ["dense-chain", "dense-kinds", "roberta", "no-modules", "old-subfolder"]) {
    const { code, out } = await munjang(["info", "--json", golden(name)]);
    expect(code, name).toBe(0);
    const about = JSON.parse(out);
    let stored = 0;
    for (const { file, bytes } of about.files) {
      if (!file.endsWith(".safetensors")) continue;
      const content = readFileSync(join(about.folder, file));
      expect(content.length).toBe(bytes);
      const header = JSON.parse(content.subarray(8, 8 + Number(content.readBigUInt64LE(0))).toString());
      for (const [tensor, { shape }] of Object.entries<{ shape: number[] }>(header)) {
        if (!/^__metadata__$|pooler|position_ids/.test(tensor)) stored += shape.reduce((n, d) => n * d, 1);
      }
    }
    expect(about.parameters, name).toBe(stored);
    expect(about.identity.model).toMatch(/^[0-9a-f]{64}$/);
    expect(about.architecture).toMatch(/^SentenceTransformer\(\n {2}\(0\): Transformer\(.*\n {2}\(1\): Pooling\(/);
  }
  const dense = JSON.parse((await munjang(["info", "--json", "-m", golden("dense-chain")])).out);
  expect(dense.architecture).toMatch(/\n {2}\(2\): Dense\(\{.*'in_features': .*\}\)\n/);
  expect(dense.architecture).toMatch(/\n {2}\(4\): Normalize\(.*\)\n/);
});

test("info: element types of a pytorch_model.bin", async () => {
  const path = join(folder, "pytorch");
  cpSync(golden("float16"), path, { recursive: true });
  rmSync(join(path, "model.safetensors"));
  const weights = new URL("../../../test/formats/fixtures/containers/float16.zip/pytorch_model.bin", import.meta.url);
  cpSync(fileURLToPath(weights), join(path, "pytorch_model.bin"));
  const { code, out } = await munjang(["info", "--json", path]);
  expect(code).toBe(0);
  expect(JSON.parse(out).dtype).toEqual({ stored: ["float16"], computed: "float32" });
});

test("info --check: the golden cosines; other weights fail; unknown models are told", async () => {
  const good = await munjang(["info", "--check", "--json"]);
  expect(good.code).toBe(0);
  const { check } = JSON.parse(good.out);
  expect(check.ok).toBe(true);
  for (const { expected, found } of check.pairs) expect(Math.abs(expected - found)).toBeLessThan(1e-2); // whole numbers
  expect((await munjang(["info", "--check"])).out).toMatch(
    /check: .*all within 0\.01\n.*\n잠이 옵니다 \/ 졸음이 옵니다/,
  );
  await refused(1, /no cosines of .*plain are known/, ["info", "--check", golden("plain")]);
  await refused(2, /give the model once/, ["info", "a", "--model", "b"]);

  // A model that says it is KR-SBERT.
  cpSync(golden("plain"), join(folder, "KR-SBERT-V40K-klueNLI-augSTS"), { recursive: true });
  const other = await munjang(["info", "--check", "KR-SBERT-V40K-klueNLI-augSTS"]);
  expect(other.code).toBe(1);
  expect(other.out).toMatch(/NOT all within .*\n(.*\n)*.*0\.65774536 .* OFF\n/);
  expect(other.err).toMatch(/^munjang: KR-SBERT-V40K-klueNLI-augSTS does not give the cosines .*\n$/);
});

test("info: what the files hold is printed, not sent to the terminal", async () => {
  const path = join(folder, "coloured");
  cpSync(golden("prompts"), path, { recursive: true });
  const settings = join(path, "config_sentence_transformers.json");
  const json = JSON.parse(readFileSync(settings, "utf8"));
  writeFileSync(settings, JSON.stringify({ ...json, prompts: { ...json.prompts, evil: "\u001b[31m" } }));
  const { code, out } = await munjang(["info", path]);
  expect(code).toBe(0);
  expect(out).not.toContain("\u001b");
});
