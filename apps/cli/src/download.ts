import { Command } from "commander";
import { download, type LoadProgress } from "munjang";
import prettyBytes from "pretty-bytes";
import { examples } from "./help.ts";
import { watchFiles } from "./model.ts";
import { openOutput } from "./output.ts";

interface Flags {
  revision?: string;
  cacheDir?: string;
  endpoint?: string;
  json?: boolean;
}

export function downloadCommand(): Command {
  const command = new Command("download")
    .description("Bring a model of the hub into the cache that Python shares, and print its folder.")
    .argument("<model>", "owner/name")
    .option("--revision <name>", "branch, tag or commit (default: main)")
    .option("--cache-dir <folder>", "another cache (default: HF_HUB_CACHE, or hub in HF_HOME)")
    .option("--endpoint <url>", "another hub (default: HF_ENDPOINT)")
    .option("--json", "print folder and files as JSON");
  return examples(
    command,
    ["munjang download snunlp/KR-SBERT-V40K-klueNLI-augSTS", "munjang download owner/name --cache-dir models"],
    "The hub is asked where the branch stands today; files of that commit that are in the cache are not fetched again. Only the files the model is made of are fetched. They are verified, and a download that was cut goes on where it ended. For private and gated models a token is taken from HF_TOKEN, and from nowhere else.",
  ).action(fetchModel);
}

async function fetchModel(model: string, { json, ...where }: Flags): Promise<void> {
  const fetched = new Map<string, number>();
  const { watch, stop } = watchFiles();
  const started = (progress: LoadProgress): void => {
    fetched.set(progress.file, progress.total);
    watch(progress);
  };
  const { folder, commit, files, offline } = await download(model, { ...where, onProgress: started }).finally(stop);
  const sum = (sizes: Iterable<number>): string => prettyBytes([...sizes].reduce((total, bytes) => total + bytes, 0));
  const sizes = sum(files.map(({ bytes }) => bytes));
  const news = [
    offline && "not compared with the hub (offline)",
    fetched.size > 0 && `${fetched.size} fetched now, ${sum(fetched.values())}`,
    !offline && fetched.size === 0 && "nothing had to be fetched",
  ].filter((part) => part !== false);
  process.stderr.write(
    `munjang: ${model} at ${commit.slice(0, 12)}: ${files.length} files, ${sizes}, in the cache; ${news.join(", ")}\n`,
  );
  const output = await openOutput(undefined);
  if (!json) return output.write(`${folder}\n`);
  const revision = where.revision ?? "main";
  await output.write(
    `${JSON.stringify({ model, revision, commit, folder, files, fetched: [...fetched.keys()], offline })}\n`,
  );
}
