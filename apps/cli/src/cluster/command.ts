import { Command, InvalidArgumentError, Option } from "commander";
import { seedOf } from "../classify/command.ts";
import type { Split } from "../documents.ts";
import { examples } from "../help.ts";
import { type ModelFlags, wholeNumber, withModel } from "../model.ts";
import { type TextFlags, withTexts } from "../text-options.ts";
import type { Linkage } from "./agglomerative.ts";
import type { Method } from "./cluster.ts";

export interface ClusterFlags extends ModelFlags, TextFlags {
  method: Method;
  clusters?: number;
  threshold?: number;
  linkage: Linkage;
  minSize: number;
  seed: number;
  restarts: number;
  sentences: Split;
  output?: string;
  map?: string;
  json?: boolean;
}

/** What does the work is imported when it runs: the other commands need none of it. */
export function clusterCommand(): Command {
  const command = new Command("cluster")
    .description("Group texts that are alike, name the groups, and draw a map.")
    .argument("[texts...]", "texts; without any, those of --file or of standard input");
  withTexts(command)
    .addOption(
      new Option("--method <name>", "how groups are found")
        .choices(["kmeans", "agglomerative", "community"])
        .default("kmeans"),
    )
    .option(
      "-k, --clusters <n>",
      "clusters to make (default for kmeans: as many as have the best silhouette)",
      wholeNumber,
    )
    .option("--threshold <cosine>", "cosine from which texts belong together (agglomerative, community)", cosineOf)
    .addOption(
      new Option("--linkage <name>", "cosine of two groups: the mean, the least, or the largest (agglomerative)")
        .choices(["average", "complete", "single"])
        .default("average"),
    )
    .option("--min-size <n>", "texts a community has at least", wholeNumber, 10)
    .option("--restarts <n>", "beginnings of kmeans that are tried", wholeNumber, 5)
    .option("--seed <n>", "decides where kmeans and the map begin", seedOf, 0)
    .addOption(
      new Option("--sentences <which>", "texts to embed by sentences and average: those the model would cut, all, none")
        .choices(["long", "always", "never"])
        .default("long"),
    )
    .option("-o, --output <file>", "write texts with their clusters, .json or .csv")
    .option("--map <file>", "write a map to look at, one page of HTML that needs no network")
    .option("--json", "print JSON");
  return examples(
    withModel(command),
    [
      "munjang cluster --file sentences.txt --clusters 2",
      "munjang cluster --file notes.csv --text body --map map.html --output clusters.csv",
      "munjang cluster --file notes.csv --text body --method agglomerative --threshold 0.9",
    ],
    "kmeans puts every text into one of so many clusters; agglomerative puts together what is alike enough (up to 15,000 texts); community finds dense groups in large sets and leaves the others out.",
    "The silhouette says how much nearer texts are to their own cluster than to the next: 1 far apart, 0 no borders.",
  ).action(async (texts: string[], flags: ClusterFlags) => (await import("./run.ts")).run(texts, flags));
}

function cosineOf(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= -1 && value <= 1))
    throw new InvalidArgumentError("it must be a cosine, -1 to 1.");
  return value;
}
