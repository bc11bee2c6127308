/**
 * `munjang embed` for bulk: sentences a second of one core, for the bundled model and for KR-SBERT's shape in int8 with seeded weights, and
 * what the forms of output cost; and runs killed 20 times, in every form.
 * `npm run bench:bulk` (With the folder of such int8 weights behind `--`, they are not made anew. `--kills` does that part alone.)
 *
 * A core second is one of CPU time, of all threads of the process, so that what else the machine does counts less; the difference between a
 * long and a short input leaves out starting and loading.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SentenceTransformer } from "munjang";
import { killAgainAndAgain } from "../apps/cli/test/kill.ts";
import { seededConfig, seededSafetensors } from "../test/seeded/seeded.ts";
import { machine, spread } from "./measure.ts";
import { writeResult } from "./result.ts";

const ROUNDS = 3;
const KILLS = 20;
const FORMS = ["jsonl", "json", "csv", "npy", "safetensors", "parquet"];
const root = join(import.meta.dirname, "..");
const main = join(root, "apps/cli/bin/munjang.js");
const results = join(root, "bench/results/bulk.json");
const folder = mkdtempSync(join(tmpdir(), "munjang-bulk-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const onlyKills = process.argv.includes("--kills");
const given = process.argv.slice(2).find((argument) => !argument.startsWith("--"));
const wide = Number(process.versions.node.split(".")[0]) >= 24 ? ["--wide"] : [];

/** Says at the end what the process used. */
const probe = join(folder, "probe.cjs");
writeFileSync(
  probe,
  'process.on("exit", () => { const { user, system } = process.cpuUsage(); console.error("used", user + system, process.resourceUsage().maxRSS); });',
);

interface Used {
  readonly wall: number;
  readonly cpu: number;
  readonly megabytes: number;
}

function embed(args: readonly string[]): Used {
  const start = performance.now();
  const command = ["--require", probe, main, "embed", "--threads", "0", ...args];
  const { stderr, status } = spawnSync(process.execPath, command, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const [, cpu, kilobytes] = /used (\d+) (\d+)/.exec(stderr) ?? [];
  return { wall: (performance.now() - start) / 1000, cpu: Number(cpu) / 1e6, megabytes: Number(kilobytes) / 1024 };
}

/** Sentences of some words each, of which no two are alike. */
function sentences(name: string, count: number, sentence: (i: number) => string): string {
  writeFileSync(join(folder, name), Array.from({ length: count }, (_, i) => `${sentence(i)}\n`).join(""));
  return name;
}

const WORDS = [
  "기차가",
  "바람이",
  "친구와",
  "저녁에",
  "강가를",
  "천천히",
  "이야기를",
  "오래",
  "함께",
  "지난여름",
  "비가",
  "밥을",
];
const spoken = (i: number): string => {
  const words = Array.from({ length: 5 }, (_, k) => WORDS[Math.floor(i / WORDS.length ** k) % WORDS.length]);
  return `${words.join(" ")} 나누었습니다.`;
};
/** The seeded vocabulary knows syllables: eight tokens, and two around them. */
const syllables = (i: number): string =>
  Array.from({ length: 8 }, (_, k) => String.fromCodePoint(0xac00 + ((i * 7919 + k * 104_729) % 11_172))).join(" ");

async function tokensOf(model: string, sentence: (i: number) => string): Promise<number> {
  const loaded = await SentenceTransformer.load(model, { threads: 0 });
  const lengths = Array.from({ length: 200 }, (_, i) => loaded.tokenize(sentence(i * 37)).ids.length);
  await loaded.dispose();
  return lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
}

interface Case {
  readonly name: string;
  readonly model: string;
  readonly sentence: (i: number) => string;
  readonly few: number;
  readonly many: number;
  readonly args: readonly string[];
}

async function measure({ name, model, sentence, few, many, args }: Case) {
  const [short, long] = [few, many].map((count) => sentences(`${count}.txt`, count, sentence));
  const [perCore, perSecond, memory, start]: number[][] = [[], [], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const less = embed(["-m", model, "-f", short, ...args]);
    const more = embed(["-m", model, "-f", long, ...args]);
    perCore.push((many - few) / (more.cpu - less.cpu));
    perSecond.push((many - few) / (more.wall - less.wall));
    memory.push(more.megabytes);
    start.push(less.cpu - few / perCore[round]);
  }
  const measured = {
    name,
    sentences: many,
    tokensPerSentence: await tokensOf(model, sentence),
    perCoreSecond: spread(perCore),
    perSecondOfThisRun: spread(perSecond),
    megabytes: spread(memory),
    coreSecondsToStart: spread(start),
  };
  console.log(`${name}: ${measured.perCoreSecond.median.toFixed(1)} sentences a core second`);
  return measured;
}

function fullInt8(): string {
  if (given !== undefined) return given;
  const [float, int8] = ["full", "full8"].map((name) => join(folder, name));
  mkdirSync(float);
  writeFileSync(join(float, "config.json"), JSON.stringify(seededConfig));
  const words = Array.from({ length: seededConfig.vocab_size - 5 }, (_, i) =>
    i < 11_172 ? String.fromCodePoint(0xac00 + i) : `##${i}`,
  );
  writeFileSync(join(float, "vocab.txt"), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...words].join("\n"));
  writeFileSync(join(float, "tokenizer_config.json"), '{"tokenizer_class": "BertTokenizer", "do_lower_case": false}');
  writeFileSync(join(float, "model.safetensors"), seededSafetensors(seededConfig));
  execFileSync(process.execPath, [main, "convert", float, int8]);
  rmSync(float, { recursive: true });
  return int8;
}

/** What the bundled model writes in every form, killed again and again. */
async function kills() {
  const input = join(folder, sentences("kills.txt", 3000, spoken));
  const all = [];
  for (const [i, form] of FORMS.entries()) {
    const whole = join(folder, `whole.${form}`);
    const output = join(folder, `killed.${form}`);
    const args = ["embed", "-f", input, "--threads", "0", "--checkpoint-every", "128"];
    execFileSync(process.execPath, [main, ...args, "-o", whole], { stdio: "ignore" });
    const bytes = readFileSync(whole);
    const command = [process.execPath, main, ...args, "-o", output, "--resume"];
    const killed = await killAgainAndAgain(command, output, { kills: KILLS, bytes: bytes.length, seed: i + 1 });
    const sameBytes = readFileSync(output).equals(bytes);
    all.push({ form, kills: killed.early + killed.later, bytes: bytes.length, ...killed, sameBytes });
    console.log(`${form}: killed ${KILLS} times, ${sameBytes ? "the same bytes" : "OTHER BYTES"}`);
  }
  return all;
}

const before = onlyKills ? JSON.parse(readFileSync(results, "utf8")) : {};
let cases = before.cases;
if (!onlyKills) {
  const mini = join(root, "weights/model");
  const bundled = { model: mini, sentence: spoken, few: 1000, many: 9000 };
  cases = [];
  for (const form of ["npy", "parquet", "jsonl"]) {
    cases.push(await measure({ name: `munjang-mini-ko, ${form}`, ...bundled, args: [...wide, "-o", `out.${form}`] }));
  }
  const base64 = [...wide, "-o", "out.jsonl", "--base64"];
  cases.push(await measure({ name: "munjang-mini-ko, jsonl with --base64", ...bundled, args: base64 }));
  const shape = { model: fullInt8(), sentence: syllables, few: 32, many: 352, args: [...wide, "-o", "out.npy"] };
  cases.push(await measure({ name: "KR-SBERT's shape, int8, npy", ...shape }));
}
const about = onlyKills ? before : { title: "munjang embed for bulk", wide: wide.length > 0, ...machine() };
writeResult(results, { ...about, cases, kills: await kills() });
