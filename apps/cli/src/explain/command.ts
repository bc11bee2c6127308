import { Command, InvalidArgumentError } from "commander";
import { examples } from "../help.ts";
import { Usage } from "../input.ts";
import { loadModel, type ModelFlags, withModel } from "../model.ts";
import { openOutput, writeWhole } from "../output.ts";
import { compare } from "./contributions.ts";
import { pairAsJson, walkAsJson } from "./json.ts";
import { attentionMaps, pairMap } from "./maps.ts";
import { showPair, showWalk } from "./show.ts";
import { walk } from "./stages.ts";
import { svg } from "./svg.ts";

interface Flags extends ModelFlags {
  layer?: number;
  head?: number;
  svg?: string;
  json?: boolean;
}

export function explainCommand(): Command {
  const command = new Command("explain")
    .description(
      "Show a text on its way through the model, stage by stage; of two, which words carry their similarity.",
    )
    .argument("<text>", "what the model reads")
    .argument("[other]", "a text it is compared with")
    .option("-l, --layer <n>", "one layer, from 0: its stages, and the attention of each of its heads", place)
    .option("--head <n>", "one head's attention, from 0; without --layer, in every layer", place)
    .option("--svg <file>", "write the attention, or the comparison, as a picture too")
    .option("--json", "print JSON");
  return examples(
    withModel(command),
    [
      'munjang explain "잠이 옵니다"',
      'munjang explain --layer 0 --head 2 "잠이 옵니다"',
      'munjang explain --svg attention.svg "잠이 옵니다"',
      'munjang explain "잠이 옵니다" "졸음이 옵니다"',
    ],
    "Times are the best of some runs on one thread, where every stage can be watched. Attention is shown as the mean of the first layer's heads unless others are asked for. It is made again from queries and keys by the naive kernels, and checked against what the backend computed.",
  ).action(explain);
}

async function explain(text: string, other: string | undefined, flags: Flags): Promise<void> {
  const texts = other === undefined ? [text] : [text, other];
  for (const [n, given] of texts.entries()) if (given.trim() === "") throw new Usage(`text ${n + 1} is empty`);
  if (flags.threads !== undefined && flags.threads !== 0) {
    throw new Usage("explain computes on one thread, where it can be watched: leave out --threads");
  }
  const output = await openOutput(undefined);
  await output.write(await (other === undefined ? explainOne(text, flags) : explainPair(text, other, flags)));
}

async function explainOne(text: string, flags: Flags): Promise<string> {
  const walked = await walk(text, flags);
  for (const [name, count] of [
    ["layer", walked.layers],
    ["head", walked.heads],
  ] as const) {
    const asked = flags[name];
    if (asked !== undefined && asked >= count) {
      throw new Usage(`--${name} ${asked}: this model has ${count} ${name}s, 0 to ${count - 1}`);
    }
  }
  if (flags.svg !== undefined) {
    const { maps, across } = attentionMaps(walked, flags);
    await writeFile(flags.svg, svg(`attention in "${walked.text}"`, maps, across));
  }
  return flags.json ? walkAsJson(walked, flags) : showWalk(walked, flags);
}

async function explainPair(a: string, b: string, flags: Flags): Promise<string> {
  if (flags.layer !== undefined || flags.head !== undefined) {
    throw new Usage("--layer and --head are for one text: leave them out, or the other text");
  }
  const model = await loadModel(flags, { threads: 0 });
  const contributions = await compare(model, [a, b]).finally(() => model.dispose());
  if (flags.svg !== undefined) {
    await writeFile(flags.svg, svg(`"${a}" and "${b}"`, [pairMap(contributions)], 1));
  }
  return flags.json ? pairAsJson(contributions) : showPair(contributions);
}

async function writeFile(file: string, content: string): Promise<void> {
  if (file === "") throw new Usage("--svg needs the name of a file");
  await writeWhole(file, content);
}

/** A whole number from 0 up, as an option's value. */
function place(text: string): number {
  if (!/^[0-9]{1,6}$/.test(text)) throw new InvalidArgumentError("it must be a whole number from 0 up.");
  return Number(text);
}
