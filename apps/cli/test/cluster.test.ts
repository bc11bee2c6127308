// munjang-cli/cluster beside scikit-learn, whose answers reference/cluster/make.py wrote down.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  agglomerate,
  cluster,
  clusterWords,
  kMeans,
  type Linkage,
  layOut,
  mapPage,
  meanSilhouette,
  silhouettes,
  unitRows,
} from "../src/cluster/index.ts";
import { product } from "../src/cluster/vectors.ts";
import { seeded } from "../src/random.ts";

const golden = JSON.parse(readFileSync(new URL("golden/cluster.json", import.meta.url), "utf8"));
const x: number[][] = golden.x;
const rows = unitRows(x);

/** Clusters numbered by their first row: what is left when only the grouping counts. */
function grouping(clusters: ArrayLike<number>): number[] {
  const numbers = new Map<number, number>();
  return Array.from(clusters, (k) => {
    if (!numbers.has(k)) numbers.set(k, numbers.size);
    return numbers.get(k) ?? 0;
  });
}

describe("k-means", () => {
  test("goes from scikit-learn's beginnings to scikit-learn's clusters", () => {
    for (const { start, clusters, inertia } of golden.kMeans) {
      const found = kMeans(rows, start.length, { start: Float32Array.from(start.flat()) });
      expect([...found.clusters]).toEqual(clusters);
      expect(found.inertia).toBeCloseTo(inertia, 4);
    }
  });

  test("finds the best of scikit-learn's 200 beginnings, and the same with the same seed", () => {
    for (const { clusters, inertia } of golden.best) {
      const found = kMeans(rows, clusters, { restarts: 50, seed: 1 });
      expect(found.inertia).toBeLessThan(inertia * (1 + 1e-4));
      expect(kMeans(rows, clusters, { restarts: 50, seed: 1 })).toEqual(found);
    }
    expect(kMeans(rows, 20, { restarts: 1, seed: 1 }).clusters).not.toEqual(
      kMeans(rows, 20, { restarts: 1, seed: 2 }).clusters,
    );
  });

  test("leaves no cluster empty", () => {
    // Two centres at one place: the second gets no row.
    const start = Float32Array.from([
      ...rows.data.subarray(0, 6),
      ...rows.data.subarray(0, 6),
      ...rows.data.subarray(6, 12),
    ]);
    const { clusters } = kMeans(rows, 3, { start });
    expect(new Set(clusters).size).toBe(3);
    expect(new Set(kMeans(rows, rows.count).clusters).size).toBe(rows.count);
  });

  test("refuses more clusters than there are different rows", () => {
    expect(() => kMeans(rows, rows.count + 1)).toThrow("60 texts cannot be 61 clusters");
    expect(() =>
      kMeans(
        unitRows([
          [1, 0],
          [2, 0],
          [0, 1],
        ]),
        3,
      ),
    ).toThrow("there are only 2 different texts: they cannot be 3 clusters");
    expect(() => kMeans(rows, 0)).toThrow("cannot be 0 clusters");
  });
});

describe("agglomerative", () => {
  test.each(["average", "complete", "single"] as Linkage[])("has scikit-learn's clusters: %s", (linkage) => {
    const all = golden.agglomerative.filter((one: { linkage: string }) => one.linkage === linkage);
    expect(all).toHaveLength(7);
    for (const { threshold, wanted, clusters } of all) {
      const found = agglomerate(rows, { linkage, threshold, clusters: wanted });
      expect([...found], `${threshold ?? wanted}`).toEqual(grouping(clusters));
    }
  });

  test("puts the same rows together at a threshold of 1", () => {
    const all = Array.from({ length: 40 }, (_, n) => [1, 2, 3].map((i) => Math.sin(i * (1 + (n % 20)))));
    const twice = unitRows(all);
    const products = all.map((_, n) => product(twice.data, n % 20, twice.data, n, 3));
    expect(products.some((one) => one < 1)).toBe(true); // or it would prove nothing
    expect(new Set(agglomerate(twice, { threshold: 1 })).size).toBe(20);
  });

  test("refuses what it cannot do", () => {
    expect(() => agglomerate({ ...rows, count: 15_001 }, { threshold: 0.5 })).toThrow(
      /15001 texts are too many.*at most 15000/,
    );
    expect(() => agglomerate(rows, { clusters: 61 })).toThrow("60 texts cannot be 61 clusters");
    expect(() => agglomerate(rows, {})).toThrow(/one of them/);
  });
});

describe("silhouette", () => {
  test("is scikit-learn's with cosine distances, exactly, by means", () => {
    const { clusters, values } = golden.silhouettes;
    const found = silhouettes(rows, Int32Array.from(clusters));
    for (const [i, value] of values.entries()) expect(found[i]).toBeCloseTo(value, 5);
    const mean = values.reduce((sum: number, value: number) => sum + value, 0) / values.length;
    expect(meanSilhouette(rows, Int32Array.from(clusters))).toBeCloseTo(mean, 5);
  });

  test("rows of no cluster do not count, and one cluster has none", () => {
    const clusters = Int32Array.from(golden.silhouettes.clusters);
    const without = clusters.map((k, i) => (i < 5 ? -1 : k));
    const found = silhouettes(rows, without);
    expect([...found.subarray(0, 5)].every(Number.isNaN)).toBe(true);
    const fewer = unitRows(x.slice(5));
    expect(meanSilhouette(rows, without)).toBeCloseTo(meanSilhouette(fewer, clusters.subarray(5)), 6);
    expect(meanSilhouette(rows, new Int32Array(60))).toBeNaN();
  });
});

describe("words", () => {
  const texts = [
    ...["버스가 늦었다", "버스를 탔다", "학교 버스 정류장", "https 12 버스는 7"],
    ...["김치를 담갔다", "김치 냉장고", "맛있는 김치는 좋다", "새 김치"],
    "Weather was fine",
    "fine weather again",
  ];
  const clusters = Int32Array.from([0, 0, 0, 0, 1, 1, 1, 1, 2, 2]);
  test("are those of the cluster, without particles", () => {
    const words = clusterWords(texts, clusters);
    expect(words.map(([first]) => first)).toEqual(["버스", "김치", "fine"]);
    expect(words[2]).toContain("weather");
    expect(words.flat()).not.toContain("버스를");
    expect(words.flat()).not.toContain("12");
  });
  test("texts of no cluster count for none, and texts without words have none", () => {
    expect(clusterWords(["가나 다라", "1 2", "마바"], Int32Array.from([0, 1, -1]))).toEqual([["가나", "다라"], []]);
    expect(clusterWords([], new Int32Array(0))).toEqual([]);
  });
});

describe("cluster", () => {
  test("numbers clusters by size, and takes the number of the best silhouette", async () => {
    const random = seeded(5);
    const clouds = [30, 12, 20].flatMap((count, k) =>
      Array.from({ length: count }, () => [0, 1, 2].map((d) => (d === k ? 1 : 0) + 0.1 * random())),
    );
    const found = await cluster(clouds, undefined);
    expect(found.clusters.map(({ size }) => size)).toEqual([30, 20, 12]);
    expect(found.tried.map(({ clusters }) => clusters)).toContain(3);
    expect(found.silhouette).toBeGreaterThan(0.9);
    expect(grouping(found.assignments)).toEqual([30, 12, 20].flatMap((count, k) => Array(count).fill(k)));
    for (const [k, { central }] of found.clusters.entries()) expect(found.assignments[central]).toBe(k);
    expect((await cluster(clouds, undefined, { method: "agglomerative", threshold: 0.9 })).assignments).toEqual(
      found.assignments,
    );
    const dense = await cluster(clouds, undefined, { method: "community", threshold: 0.9, minSize: 15 });
    expect(dense.clusters.map(({ size }) => size)).toEqual([30, 20]);
    expect([...dense.assignments.subarray(30, 42)]).toEqual(Array(12).fill(-1));
  });

  test("refuses what cannot be grouped", async () => {
    await expect(cluster([], undefined)).rejects.toThrow("no text cannot be clustered");
    await expect(cluster([[1]], undefined)).rejects.toThrow("one text cannot be clustered");
    await expect(
      cluster(
        [
          [1, 0],
          [1, 0],
        ],
        undefined,
      ),
    ).rejects.toThrow("all texts are the same");
    await expect(
      cluster(
        [
          [1, 0],
          [0, 0],
        ],
        undefined,
      ),
    ).rejects.toThrow("vector 1 has the length 0");
    await expect(cluster([[1, 0], [1]], undefined)).rejects.toThrow("vector 1 has 1 numbers");
    await expect(
      cluster(
        [
          [1, 0],
          [0, 1],
        ],
        ["a"],
      ),
    ).rejects.toThrow("2 vectors and 1 texts");
    await expect(
      cluster(
        [
          [1, 0],
          [0, 1],
        ],
        undefined,
        { method: "community" },
      ),
    ).rejects.toThrow("need a threshold");
  });
});

describe("map", () => {
  test("puts what is alike together, the same with the same seed", async () => {
    const places = await layOut(x, { seed: 3 });
    expect(places).toHaveLength(60);
    expect(places.flat().every(Number.isFinite)).toBe(true);
    expect(await layOut(x, { seed: 3 })).toEqual(places);
    const clusters = agglomerate(rows, { clusters: 2, linkage: "average" });
    const distance = ([a, b]: readonly [number, number], [c, d]: readonly [number, number]): number =>
      Math.hypot(a - c, b - d);
    const mean = (same: boolean): number => {
      const all = places.flatMap((p, i) =>
        places.flatMap((q, j) => (i < j && (clusters[i] === clusters[j]) === same ? [distance(p, q)] : [])),
      );
      return all.reduce((a, b) => a + b) / all.length;
    };
    expect(mean(true)).toBeLessThan(mean(false));
    for (const count of [1, 2, 3, 4, 5]) expect(await layOut(x.slice(0, count))).toHaveLength(count);
  });

  const bad = [
    "</script><script>alert(1)</script>",
    "<!-- <script>",
    "]]> & \" ' ` $(x) \\ \u2028",
    "\ud800 half",
    "줄\n바꿈",
  ];
  const page = mapPage(
    bad.map((text, i) => ({ x: i, y: -i, cluster: (i % 3) - 1, text })),
    ["<b>굵게</b>", ""],
    { title: "</title>", note: "a & b" },
  );

  test("asks the network for nothing, and its policy forbids it to", () => {
    expect(page).not.toMatch(/\b(?:https?:)?\/\/[a-z0-9.-]+\.[a-z]/i);
    expect(page).not.toMatch(
      /\b(?:src|href|srcset|action)\s*=|@import|url\(|\bfetch\b|XMLHttpRequest|WebSocket|sendBeacon|import\s*\(/,
    );
    expect(page).toMatch(/content="default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+'"/);
  });

  test("no text gets out of its place, and every one comes back", () => {
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page.match(/<\/script/g)).toHaveLength(2);
    expect(page.match(/<\/title>/g)).toHaveLength(1);
    expect(page).not.toContain("<b>굵게");
    const [, json] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page) ?? [];
    const { points, clusters } = JSON.parse(json);
    expect(points.map(([, , , text]: unknown[]) => text)).toEqual(bad);
    expect(clusters).toEqual([
      { id: 0, label: "<b>굵게</b>", size: 2 },
      { id: 1, label: "cluster 1", size: 1 },
      { id: -1, label: "in no cluster", size: 2 },
    ]);
  });
});
