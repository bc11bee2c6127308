import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SentenceTransformer } from "../../src/node.ts";

/*
 * The real KR-SBERT, where the Hugging Face cache of this machine has it: its published cosines. Weights are never fetched here.
 */
const hub = process.env.HF_HUB_CACHE ?? join(process.env.HF_HOME ?? join(homedir(), ".cache", "huggingface"), "hub");
const MODEL = "snunlp/KR-SBERT-V40K-klueNLI-augSTS";
const snapshots = join(hub, `models--${MODEL.replace("/", "--")}`, "snapshots");
const held = (existsSync(snapshots) ? readdirSync(snapshots) : []).some((revision) =>
  ["model.safetensors", "pytorch_model.bin"].some((file) => existsSync(join(snapshots, revision, file))),
);

describe("KR-SBERT itself", () => {
  if (!held) {
    it.skip(`skipped: ${hub} does not hold the weights of ${MODEL}`, () => {});
    return;
  }
  it("gives the published cosines", async () => {
    const model = await SentenceTransformer.load(MODEL, { localFilesOnly: true });
    const [sleepy, drowsy, train] = await model.encode(["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다"]);
    expect(Math.abs(model.similarity(sleepy, drowsy)[0][0] - 0.65774536)).toBeLessThan(1e-6);
    expect(Math.abs(model.similarity(sleepy, train)[0][0] - 0.27321893)).toBeLessThan(1e-6);
    await model.dispose();
  });
});
