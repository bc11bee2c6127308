/**
 * Sentences about the bundled model that no table can fill in, and what makes each of them true. A test holds them against the committed model and
 * results; `npm run model` prints those that another model has made false. Whoever writes such a sentence anew writes it here as well.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { COLUMNS, inside, negationsRight as right, sameRecipe, trainings } from "../model-figures.ts";
import { result, root } from "../result.ts";
import { cosineOf, facts } from "./facts.ts";

export interface Claim {
  readonly page: string;
  /** As it stands there, with one space for any white space. */
  readonly says: string;
  /** @throws Error where a result it is about is not there. */
  readonly holds: () => boolean;
}

const NOT_SLEEPY = "잠이 안 옵니다";
const [SLEEPY, DROWSY, TRAIN] = ["잠이 옵니다", "졸음이 옵니다", "기차가 옵니다"];
const EMPTY = "그 식당은 파리를 날린다";

const sleepy = (other: string): number => cosineOf(facts(), SLEEPY, other);
const restaurant = (other: string): number => cosineOf(facts(), EMPTY, other);
const cut = (text: string, tokens: string): boolean => facts().tokens[text].join(" ") === tokens;

/** A negation stands further from a sentence than its paraphrase does. */
const negationHeld = (): boolean => sleepy(NOT_SLEEPY) < sleepy(DROWSY);

function literal(): boolean {
  const [flies, none] = ["파리가 식당에 날아다닌다", "그 식당에는 손님이 없다"].map(restaurant);
  return flies > none;
}

/** Lines that a snippet of docs/learn prints. */
const printed = (page: string): string[] =>
  (/```text\n([\s\S]*?)```/.exec(read(`docs/learn/${page}.md`))?.[1] ?? "").trimEnd().split("\n");

/** In layer 0, head 1, four of the six tokens look most at 안, 옵 among them. */
function looksAtNot(): boolean {
  const looks = printed("attention").map((line) => / ?(\S+) -> (\S+) /.exec(line)?.slice(1) ?? []);
  const at = looks.filter(([, to]) => to === "안").map(([from]) => from);
  return looks.length === 6 && at.length === 4 && at.includes("옵");
}

const lengths = (): boolean => {
  const counts = printed("batches").flatMap((line) => /^(\d+) tokens/.exec(line)?.[1] ?? []);
  return counts.join() === "3,5,57";
};

interface Evaluated {
  readonly correlations: Readonly<Record<string, Readonly<Record<"model" | "characters", { spearman: number }>>>>;
  readonly binary: Readonly<Record<string, Readonly<Record<"model" | "characters", { ap: number }>>>>;
}
/** By how much the model is better than characters. */
function ahead(set: string): number {
  const { model, characters } = (result("evaluate.json") as Evaluated).correlations[set];
  return model.spearman - characters.spearman;
}

/** The worst error of our vectors against float64, in those of the float32 library. */
function errorOf(model: string): number {
  const file = model === "bundled" ? "bundled-model" : "full-size-seeded-models";
  const lines = result(`accuracy/worst-error-against-float64-${file}.json`).lines as {
    readonly [name: string]: unknown;
    readonly ours: number;
    readonly library: number;
  }[];
  const line = lines.find((one) => one.model === model && one.backend === "wasm" && one.what === "vectors");
  return line === undefined ? Number.NaN : line.ours / line.library;
}

/** Accuracy with so many examples a topic. */
function topics(examples: number, features: string): number {
  const all = result("classify.json").results as {
    examplesPerTopic: number;
    features: string;
    accuracy: { mean: number };
  }[];
  const found = all.find((one) => one.examplesPerTopic === examples && one.features === features);
  return found?.accuracy.mean ?? Number.NaN;
}

const TFIDF = ["TF-IDF, whole string", "TF-IDF, inside words"];

/** By the means that the card prints: the better TF-IDF is ahead on KorSTS and topics, by at most 2; by at most a tenth or two anywhere else. */
function charactersAhead(): boolean {
  const runs = sameRecipe(trainings(), facts().sha256.float16);
  const mean = (row: string, path: readonly string[]): number =>
    runs.reduce((sum, { rows }) => sum + (inside(rows[row], path) as number), 0) / runs.length;
  return COLUMNS.every(([name, ...path]) => {
    const lead = Math.max(...TFIDF.map((row) => mean(row, path))) - mean("shipped, int8", path);
    return name === "KorSTS dev" || name === "YNAT probe" ? lead > 0 && lead < 2 : lead < 0.2;
  });
}

export const CLAIMS: readonly Claim[] = [
  { page: "README.md", says: "it reads idioms literally", holds: literal },
  {
    page: "README.md",
    says: "At full size ours are nearer to the truth than its own, on the bundled model a little further",
    holds: () => {
      const times = ["full-size", "full-size-outliers", "bundled"].map(errorOf);
      return times[0] < 1 && times[1] < 1 && times[2] > 1 && times[2] < 1.5;
    },
  },
  {
    page: "weights/README.md",
    says: "**Negation is learned of short sentences, and not of all**",
    holds: () => negationHeld() && right() > 75 && right() < 95,
  },
  { page: "weights/README.md", says: "**Idioms are read literally.**", holds: literal },
  {
    page: "weights/README.md",
    says: "짧은 문장의 부정은 대체로 구별하지만 틀릴 때도 있고, 관용구는 글자 그대로 읽습니다",
    holds: () => negationHeld() && literal() && right() > 75,
  },
  {
    page: "weights/README.md",
    says: "KorSTS와 예시를 모두 쓴 뉴스 주제 분류에서는 글자를 세는 TF-IDF가 조금 낫습니다",
    holds: charactersAhead,
  },
  {
    page: "weights/README.md",
    says: "Counting characters is a little better on KorSTS and on topics with all examples; everywhere else the model is better, or as good",
    holds: charactersAhead,
  },
  {
    page: "apps/web/src/words.ts",
    says: "‘그 식당은 파리를 날린다’를 ‘그 식당에는 손님이 없다’보다 ‘파리가 식당에 날아다닌다’에 가깝게 봅니다.",
    holds: literal,
  },
  { page: "apps/web/src/words.ts", says: "reads idioms literally", holds: literal },
  {
    page: "docs/evaluate.md",
    says: "on KLUE-STS, no better than counting characters on KorSTS, and neither of them can tell entailment",
    holds: () => {
      const { model, characters } = (result("evaluate.json") as Evaluated).binary["KLUE-NLI dev, entailment"];
      return ahead("KLUE-STS dev") > 0.1 && ahead("KorSTS dev") < 0.01 && Math.max(model.ap, characters.ap) < 0.6;
    },
  },
  {
    page: "docs/classify.md",
    says: "Embeddings beat characters at each of these sizes, most of all with few examples, and both together beat either",
    holds: () => {
      const lead = [10, 100, 1000].map((n) => topics(n, "embeddings") - topics(n, "characters"));
      const more = [10, 100, 1000].every((n) => topics(n, "both") > topics(n, "embeddings"));
      return more && lead.every((value) => value > 0 && value <= lead[0]) && charactersAhead();
    },
  },
  {
    page: "docs/learn/attention.md",
    says: "in the figure head 1 (the second: they are counted from 0) looks at 안, the word that makes the sentence its opposite, from four of the six tokens",
    holds: looksAtNot,
  },
  {
    page: "docs/learn/attention.ko.md",
    says: "그림의 1번 헤드(0부터 세어 두 번째)에서는 여섯 토큰 가운데 넷이 문장의 뜻을 뒤집는 안을 봅니다",
    holds: looksAtNot,
  },
  { page: "docs/questions.md", says: "At 안, the token that turns the meaning round.", holds: looksAtNot },
  { page: "docs/questions.ko.md", says: "뜻을 뒤집는 안을 봅니다.", holds: looksAtNot },
  { page: "docs/questions.md", says: "Sentences of 3, 5 and 57 tokens", holds: lengths },
  { page: "docs/questions.ko.md", says: "토큰이 3, 5, 57개인 문장", holds: lengths },
  { page: "docs/questions.md", says: "`옵 ##니다` and `[UNK]`.", holds: () => stems() },
  { page: "docs/questions.ko.md", says: "`옵 ##니다`와 `[UNK]`.", holds: () => stems() },
  {
    page: "docs/learn/word-piece.md",
    says: "frequent words become pieces of their own, as 봅니다 in the figure",
    holds: () => cut("봅니다", "[CLS] 봅니다 [SEP]"),
  },
  {
    page: "docs/learn/word-piece.ko.md",
    says: "그림의 봅니다처럼 자주 나오는 낱말은 통째로 한 조각이 되기도 합니다",
    holds: () => cut("봅니다", "[CLS] 봅니다 [SEP]"),
  },
  { page: "docs/tour.md", says: "`[CLS] 잠이 안 옵 ##니다 [SEP]`", holds: () => cut(NOT_SLEEPY, tourCut) },
  { page: "docs/tour.ko.md", says: "`[CLS] 잠이 안 옵 ##니다 [SEP]`", holds: () => cut(NOT_SLEEPY, tourCut) },
  { page: "docs/tour.md", says: "256 wide, with 4 heads", holds: () => facts().hidden === 256 && facts().heads === 4 },
  { page: "docs/tour.ko.md", says: "너비가 256, 헤드가 4", holds: () => facts().hidden === 256 && facts().heads === 4 },
  {
    page: "docs/search.md",
    says: "the model bundled then, of 4 layers of 256; the present one has 6.",
    holds: () => facts().layers === 6,
  },
  {
    page: "docs/int8.md",
    says: "0.9964 on average and 0.9931 at worst, beside 0.9961 and 0.9934",
    holds: () => {
      const { cosines } = result("quality.json").models.find(({ name }: { name: string }) => name.startsWith("seeded"));
      const both = ["onnxruntime int8, per channel", "munjang int8"].flatMap((who) => [
        cosines[who].mean,
        cosines[who].worst,
      ]);
      return both.map((value) => value.toFixed(4)).join() === "0.9964,0.9931,0.9961,0.9934";
    },
  },
  { page: "docs/adapters.md", says: "졸음이 옵니다", holds: () => sleepy(DROWSY) > sleepy(TRAIN) },
];

const tourCut = "[CLS] 잠이 안 옵 ##니다 [SEP]";
const stems = (): boolean => cut("옵니다", "[CLS] 옵 ##니다 [SEP]") && cut("꿹꿹", "[CLS] [UNK] [SEP]");

export function read(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

/** Whether the page still says so. */
export function stands({ page, says }: Claim): boolean {
  return read(page).replace(/\s+/g, " ").includes(says);
}

/** What the facts make of a claim: undefined where it holds, or what is wrong. */
export function wrong(claim: Claim): string | undefined {
  if (!stands(claim)) return `${claim.page} does not say any more: ${claim.says}`;
  return claim.holds() ? undefined : `${claim.page} says what is not true of this model: ${claim.says}`;
}
