import { Command } from "commander";
import { SentenceTransformer } from "munjang";
import prettyBytes from "pretty-bytes";
import { isHubName, snapshotOf } from "./folder.ts";
import { examples } from "./help.ts";
import { Usage } from "./input.ts";
import { watchFiles } from "./model.ts";
import { openOutput } from "./output.ts";

interface Flags {
  revision?: string;
  cacheDir?: string;
  endpoint?: string;
  refresh?: boolean;
  json?: boolean;
}

export function downloadCommand(): Command {
  const command = new Command("download")
    .description("Bring a model of the hub into the cache that Python shares, and print its folder.")
    .argument("<model>", "owner/name")
    .option("--revision <name>", "branch, tag or commit (default: main)")
    .option("--cache-dir <folder>", "another cache (default: HF_HUB_CACHE, or hub in HF_HOME)")
    .option("--endpoint <url>", "another hub (default: HF_ENDPOINT)")
    .option("--refresh", "ask where the branch stands today, even if the cache knows it")
    .option("--json", "print folder and files as JSON");
  return examples(
    command,
    ["munjang download snunlp/KR-SBERT-V40K-klueNLI-augSTS", "munjang download owner/name --cache-dir models"],
    "Only the files the model is made of are fetched. They are verified, a download that was cut goes on where it ended, and the model is opened once, so that it is known to run. For private and gated models a token is taken from HF_TOKEN, and from nowhere else.",
  ).action(download);
}

async function download(model: string, { json, ...where }: Flags): Promise<void> {
  if (!isHubName(model)) throw new Usage(`${model} is not the name of a model on the hub (owner/name)`);
  const sizes = new Map<string, number>();
  const { watch, stop } = watchFiles();
  try {
    const loaded = await SentenceTransformer.load(model, {
      ...where,
      rows: "source", // the largest table need not come into memory to be known to be there
      onProgress: (progress) => {
        sizes.set(progress.file, progress.total);
        watch(progress);
      },
    });
    await loaded.dispose();
  } finally {
    stop();
  }
  const folder = snapshotOf(model, where.revision, where.cacheDir);
  const files = [...sizes].map(([file, bytes]) => ({ file, bytes }));
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  process.stderr.write(`munjang: ${model} is in the cache: ${files.length} files, ${prettyBytes(total)}\n`);
  const output = await openOutput(undefined);
  if (json) await output.write(`${JSON.stringify({ model, revision: where.revision ?? "main", folder, files })}\n`);
  else if (folder !== undefined) await output.write(`${folder}\n`);
}
