import { type Documents, embedDocuments } from "../documents.ts";
import { quoted } from "../formats.ts";
import { Usage } from "../input.ts";
import { loadModel } from "../model.ts";
import { openOutput } from "../output.ts";
import { writeAll } from "../places.ts";
import { countOf, showProgress } from "../progress.ts";
import { seeded, shuffled } from "../random.ts";
import { fitting, printable, table } from "../terminal.ts";
import { readTexts, tellDocuments } from "../texts.ts";
import { type Clustering, cluster } from "./cluster.ts";
import type { ClusterFlags } from "./command.ts";
import { layOut } from "./layout.ts";
import { mapPage } from "./page.ts";

/** Texts on a map at most: nearest neighbours of more take minutes, and nobody sees them. */
const ON_MAP = 10_000;

export async function run(given: string[], flags: ClusterFlags): Promise<void> {
  checkFlags(flags);
  const texts: string[] = [];
  for await (const text of readTexts(given, flags)) texts.push(text);
  if (texts.length < 2) throw new Error("one text cannot be clustered: give two or more");
  if (flags.clusters !== undefined && flags.clusters > texts.length) {
    throw new Error(`${texts.length} texts cannot be ${flags.clusters} clusters`);
  }
  const { output, map } = flags;
  const found = await writeAll({ "--output": output, "--map": map }, { "--file": flags.file }, async () => {
    const { vectors } = await embed(texts, flags);
    const result = await cluster(vectors, texts, flags);
    const table = /\.csv$/i.test(output ?? "") ? asCsv(texts, result) : asJson(texts, result, 2);
    const page = map === undefined ? "" : await asMap(texts, vectors, result, flags);
    return { contents: { "--output": table, "--map": page }, result };
  });
  const shown = await openOutput(undefined);
  await shown.write(flags.json ? asJson(texts, found) : summary(texts, found));
}

function checkFlags({ method, clusters, threshold, output }: ClusterFlags): void {
  if (method === "kmeans" && threshold !== undefined) throw new Usage("--threshold is for agglomerative and community");
  if (method === "community" && clusters !== undefined) throw new Usage("--clusters is for kmeans and agglomerative");
  if (method === "community" && threshold === undefined) {
    throw new Usage("community needs --threshold, the cosine from which texts belong together");
  }
  if (method === "agglomerative" && (threshold === undefined) === (clusters === undefined)) {
    throw new Usage("agglomerative needs --threshold or --clusters, one of them");
  }
  if (output !== undefined && !/\.(csv|json)$/i.test(output)) throw new Usage("--output ends in .json or .csv");
}

async function embed(texts: readonly string[], flags: ClusterFlags): Promise<Documents> {
  const model = await loadModel(flags);
  const progress = showProgress(countOf("texts"));
  try {
    const documents = await embedDocuments(model, texts, {
      split: flags.sentences,
      onProgress: ({ done, total }) => progress.update("embed", done, total),
    }).finally(() => progress.stop());
    tellDocuments(documents, model.maxSeqLength);
    return documents;
  } finally {
    await model.dispose();
  }
}

const labelOf = ({ clusters }: Clustering, k: number): string =>
  k < 0 ? "" : clusters[k].words.slice(0, 3).join(", ");

function asJson(texts: readonly string[], found: Clustering, indent?: number): string {
  const { method, clusters, assignments, silhouette, tried } = found;
  const about = clusters.map(({ central, ...one }, id) => ({ id, ...one, central: texts[central] }));
  const all = texts.map((text, i) => ({ text, cluster: assignments[i] < 0 ? null : assignments[i] }));
  const whole = {
    method,
    silhouette: Number.isNaN(silhouette) ? null : silhouette,
    tried,
    clusters: about,
    texts: all,
  };
  return `${JSON.stringify(whole, null, indent)}\n`;
}

function asCsv(texts: readonly string[], found: Clustering): string {
  const lines = texts.map((text, i) => {
    const k = found.assignments[i];
    return `${quoted(text)},${k < 0 ? "" : k},${quoted(labelOf(found, k))}\n`;
  });
  return `text,cluster,label\n${lines.join("")}`;
}

async function asMap(
  texts: readonly string[],
  vectors: readonly Float32Array[],
  found: Clustering,
  flags: ClusterFlags,
): Promise<string> {
  const all = [...texts.keys()];
  const shown = all.length > ON_MAP ? shuffled(all, seeded(flags.seed)).slice(0, ON_MAP) : all;
  if (shown.length < all.length) {
    process.stderr.write(`munjang: the map shows ${ON_MAP} of the ${all.length} texts, drawn at random\n`);
  }
  const progress = showProgress(countOf("texts"));
  const places = await layOut(
    shown.map((i) => vectors[i]),
    { seed: flags.seed, onProgress: ({ done, total }) => progress.update("draw", done, total) },
  ).finally(() => progress.stop());
  const points = shown.map((i, n) => {
    return { x: places[n][0], y: places[n][1], cluster: found.assignments[i], text: texts[i] };
  });
  const labels = found.clusters.map((_, k) => labelOf(found, k));
  const silhouette = Number.isNaN(found.silhouette) ? "" : `, silhouette ${found.silhouette.toFixed(3)}`;
  const note = `${texts.length} texts, ${labels.length} ${labels.length === 1 ? "cluster" : "clusters"}${silhouette}`;
  return mapPage(points, labels, { title: flags.file ?? "Clusters", note });
}

function summary(texts: readonly string[], found: Clustering): string {
  const { clusters, assignments, silhouette, tried } = found;
  const rows = clusters.map(({ size, silhouette: own, words, central }, k) => [
    ...[String(k), String(size), own.toFixed(3), printable(words.join(", ")), fitting(texts[central], 60)],
  ]);
  const none = assignments.filter((k) => k < 0).length;
  const head = [
    `${texts.length} texts`,
    `${clusters.length} ${clusters.length === 1 ? "cluster" : "clusters"}`,
    ...(none > 0 ? [`${none} in none`] : []),
    ...(Number.isNaN(silhouette) ? [] : [`silhouette ${silhouette.toFixed(3)}`]),
  ];
  const chosen =
    tried.length === 0
      ? ""
      : `by silhouette, of ${tried.map((one) => `${one.clusters}: ${one.silhouette.toFixed(3)}`).join(", ")}\n`;
  const list = table([["", "texts", "silhouette", "words", "in the middle"], ...rows], [0, 1, 2]);
  return `${head.join("  ")}\n${chosen}${clusters.length === 0 ? "" : `\n${list}`}`;
}
