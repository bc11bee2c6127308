import { Command } from "commander";
import { type BackendInfo, SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import { examples } from "./help.ts";
import { openOutput } from "./output.ts";
import { against } from "./similarity.ts";
import { wrap } from "./terminal.ts";

/** The sentences of the model card's examples: the first of each is compared with the others. */
export const RESTAURANT: readonly string[] = [
  "그 식당은 파리를 날린다",
  "그 식당에는 손님이 없다",
  "그 식당에서는 드론을 날린다",
  "파리가 식당에 날아다닌다",
];
export const SLEEPY: readonly string[] = ["잠이 옵니다", "잠이 안 옵니다", "졸음이 옵니다", "기차가 옵니다"];

export function demoCommand(): Command {
  const command = new Command("demo")
    .description("Compare eight Korean sentences on the bundled model.")
    .option("--json", "print JSON");
  return examples(command, ["munjang demo"]).action(demo);
}

async function demo({ json }: { json?: boolean }): Promise<void> {
  const output = await openOutput(undefined);
  const start = performance.now();
  const model = await SentenceTransformer.load(mini);
  try {
    const loaded = performance.now();
    const vectors = await model.encode([...RESTAURANT, ...SLEEPY]);
    const took = { load: Math.round(loaded - start), encode: Math.round(performance.now() - loaded) };
    const values = (rows: Float32Array[]): Float32Array => model.similarity(rows[0], rows.slice(1))[0];
    const groups = [
      { title: "Restaurant", texts: RESTAURANT, values: values(vectors.slice(0, 4)) },
      { title: "Sleepy", texts: SLEEPY, values: values(vectors.slice(4)) },
    ];
    await output.write(json ? asJson(took, groups) : asText(took, groups, model.backend));
  } finally {
    await model.dispose();
  }
}

/** Milliseconds. */
interface Took {
  readonly load: number;
  readonly encode: number;
}

export interface Group {
  readonly title: string;
  readonly texts: readonly string[];
  /** Of the first text with each other one. */
  readonly values: Float32Array;
}

function asJson(milliseconds: Took, groups: readonly Group[]): string {
  const compared = groups.map(({ texts: [text, ...others], values }) => ({
    text,
    others: others.map((other, i) => ({ text: other, similarity: Number(values[i].toPrecision(9)) })),
  }));
  return `${JSON.stringify({ model: mini.name, milliseconds, groups: compared })}\n`;
}

/** What these numbers show of the model: nothing is said of it that they do not. */
export function faults(groups: readonly Group[]): string[] {
  const cosine = (other: string): number => {
    const { texts, values } = groups.find(({ texts }) => texts.includes(other)) as Group;
    return values[texts.indexOf(other) - 1];
  };
  const literally = cosine("파리가 식당에 날아다닌다") > cosine("그 식당에는 손님이 없다");
  const negation = cosine("잠이 안 옵니다") > cosine("졸음이 옵니다");
  const close = groups.every(({ values }) => values.every((value) => value > 0.7));
  return [
    ...(literally ? ["This small model reads it literally."] : []),
    ...(negation
      ? ["잠이 안 옵니다, a negation, is nearer to 잠이 옵니다 for it than 졸음이 옵니다, which means the same."]
      : []),
    ...(close ? ["Its cosines all lie close to 1: look at the order."] : []),
  ];
}

function asText({ load, encode }: Took, groups: readonly Group[], { name, threads }: BackendInfo): string {
  const where = threads > 0 ? `${name}, ${threads} threads` : name;
  const shown = groups.map(({ title, texts: [first, ...others], values }) => {
    return `\n${title}: ${against(first, others, values, true)}`;
  });
  const idiom = '파리를 날린다 ("to send flies flying") says of a restaurant that it has no customers.';
  const said = [idiom, ...faults(groups), "A full-size model is compared in the same way:"].join(" ");
  return `${wrap(`${mini.name}: loaded in ${load} ms, 8 sentences in ${encode} ms (${where})`)}
${shown.join("")}
${wrap(said)}

  munjang similarity --sort \\
    --model snunlp/KR-SBERT-V40K-klueNLI-augSTS \\
    "${RESTAURANT[0]}" "${RESTAURANT[1]}" …

Next: munjang embed --help
`;
}
