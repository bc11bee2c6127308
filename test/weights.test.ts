import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openSafetensors } from "../src/formats/safetensors.ts";
import { mini } from "../weights/index.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const model = fileURLToPath(new URL("../weights/model/", import.meta.url));
const inModel = readdirSync(model, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(model, `${entry.parentPath ?? entry.path}/${entry.name}`).replaceAll("\\", "/"))
  .sort();

test("mini lists every file of the model, and each is there", () => {
  expect(mini.name).toBe("munjang-mini-ko");
  expect(Object.keys(mini.files).sort()).toEqual(inModel);
  for (const [path, url] of Object.entries(mini.files)) {
    expect(fileURLToPath(url)).toBe(`${model}${path}`);
    expect(statSync(url).size).toBeGreaterThan(0);
  }
});

test("every address is written out, as bundlers need it", () => {
  const source = readFileSync(`${root}/weights/index.js`, "utf8");
  for (const path of inModel) expect(source).toContain(`"${path}": new URL("./model/${path}", import.meta.url),`);
  const types = readFileSync(`${root}/weights/index.d.ts`, "utf8");
  for (const path of inModel) expect(types).toContain(`readonly "${path}": URL;`);
});

test("the packed package holds the model, the card and the attribution, and nothing else", () => {
  const command = ["pack", "--dry-run", "--json", "--ignore-scripts", "-w", "munjang-mini-ko"];
  const [pack] = JSON.parse(
    execFileSync("npm", command, { cwd: root, encoding: "utf8", shell: process.platform === "win32" }),
  );
  const packed = pack.files.map((file: { path: string }) => file.path).sort();
  const others = ["ATTRIBUTION.md", "LICENSE", "README.md", "index.d.ts", "index.js", "package.json"];
  expect(packed).toEqual([...others, ...inModel.map((path) => `model/${path}`)].sort());
});

test("the weights are int8 and as many as the card says", async () => {
  const weights = await openSafetensors(readFileSync(`${model}model.safetensors`));
  const kept = [...weights.tensors].filter(([name]) => !/_(scale|sum|balance)$/.test(name));
  const sizes = kept.map(([, { shape }]) => shape.reduce((n, d) => n * d, 1));
  for (const [name, { dtype, shape }] of kept) {
    const small = shape.length === 1 || /position|token_type/.test(name);
    expect(dtype, name).toBe(small ? "float32" : "int8");
  }
  const card = readFileSync(`${root}/weights/README.md`, "utf8");
  const told = Number(/ ([\d.]+) million parameters/.exec(card)?.[1]);
  expect(sizes.reduce((sum, n) => sum + n, 0) / 1e6).toBeCloseTo(told, 2);
  const vocabulary = readFileSync(`${model}vocab.txt`, "utf8").trimEnd().split("\n");
  expect(weights.tensors.get("embeddings.word_embeddings.weight")?.shape).toEqual([vocabulary.length, 256]);
});

test("the attribution names every set, and the licence is the share-alike one", () => {
  const attribution = readFileSync(`${root}/weights/ATTRIBUTION.md`, "utf8");
  const sets =
    "KLUE-STS KLUE-NLI KLUE-TC KLUE-NER KorSTS paraKQC StyleKQC SAE4K Question_pair Chatbot_data Tatoeba 3i4K KOTE NSMC KoBEST boddari ambiguity Rust Vue React PyTorch CNCF Kaist GSD KSL PUD SQuARe XPersona KommonGen NTREX";
  for (const name of sets.split(" ")) expect(attribution).toContain(name);
  for (const row of attribution.split("\n").filter((line) => line.startsWith("| ") && !/^\| (set|-)/.test(line))) {
    expect(row.split("|")[2]).toMatch(/CC BY|CC0|MIT|Apache|BSD/);
  }
  const { license } = JSON.parse(readFileSync(`${root}/weights/package.json`, "utf8"));
  expect(license).toBe("CC-BY-SA-4.0");
});
