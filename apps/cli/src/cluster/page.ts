import { createHash } from "node:crypto";
import { escapeXml, scriptJson } from "../escape.ts";
import { SCRIPT, STYLE } from "./page-script.ts";

/** A text on the map. */
export interface MapPoint {
  readonly x: number;
  readonly y: number;
  /** -1 for none. */
  readonly cluster: number;
  readonly text: string;
}

export interface MapPageOptions {
  /** Default "Clusters". */
  readonly title?: string;
  /** What stands beside it. */
  readonly note?: string;
}

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/**
 * One page of HTML with everything in it: a map to move and enlarge, the text of a point where the pointer is, clusters to switch off, a search. It
 * asks the network for nothing, and its policy forbids it to: no text can run as a script.
 */
export function mapPage(
  points: readonly MapPoint[],
  labels: readonly string[],
  { title = "Clusters", note = "" }: MapPageOptions = {},
): string {
  const sizes = new Map<number, number>();
  for (const { cluster } of points) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  const clusters = labels.map((label, id) => ({
    id,
    label: label === "" ? `cluster ${id}` : label,
    size: sizes.get(id) ?? 0,
  }));
  const none = sizes.get(-1);
  if (none !== undefined) clusters.push({ id: -1, label: "in no cluster", size: none });
  const short = (value: number): number => Number(value.toFixed(3));
  const data = { clusters, points: points.map(({ x, y, cluster, text }) => [short(x), short(y), cluster, text]) };
  const policy = `default-src 'none'; script-src ${hashOf(SCRIPT)}; style-src ${hashOf(STYLE)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escapeXml(title)}</h1>${escapeXml(note)}</header>
<main><canvas id="map" role="img" aria-label="Map of the texts, coloured by cluster"></canvas><div id="tip" role="status" hidden></div></main>
<aside><input id="search" type="search" placeholder="Search" aria-label="Search in the texts"><div id="found" role="status"></div><div id="legend"></div>
<p><small>Drag to move, turn the wheel to enlarge, double-click to see everything.</small></p><noscript>The map needs JavaScript.</noscript></aside>
<script type="application/json" id="data">${scriptJson(data)}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
}
