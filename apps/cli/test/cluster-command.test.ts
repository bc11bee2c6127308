// `munjang cluster` as a command: the bundled model on texts of our own.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parse } from "./csv.ts";
import { file, folder, main, munjang, refused, toFull } from "./run.ts";
import { EXAMPLES } from "./topics.ts";

const texts = EXAMPLES.map(([text]) => text);
const at = (name: string): string => join(folder, name);

beforeAll(() => {
  file("notes.txt", texts.join("\n"));
  file("notes.csv", `id,body\n${texts.map((text, i) => `${i},"${text}"\n`).join("")}`);
});

describe("cluster", () => {
  test("writes JSON, CSV and a map that agree", async () => {
    const args = ["cluster", "--file", "notes.txt", "-k", "3"];
    const { code, out, err } = await munjang([...args, "--map", "map.html", "--output", "clusters.csv"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^24 texts {2}3 clusters {2}silhouette 0\.\d{3}\n/);
    const json = JSON.parse((await munjang([...args, "--json"])).out);
    expect(json.texts.map(({ text }: { text: string }) => text)).toEqual(texts);
    expect(json.clusters.map(({ size }: { size: number }) => size).reduce((a: number, b: number) => a + b)).toBe(24);
    const [head, ...cells] = parse(readFileSync(at("clusters.csv"), "utf8"));
    expect(head).toEqual(["text", "cluster", "label"]);
    expect(cells).toEqual(
      json.texts.map(({ text, cluster }: { text: string; cluster: number }) => {
        return [text, String(cluster), json.clusters[cluster].words.slice(0, 3).join(", ")];
      }),
    );
    const [, data] = /id="data">(.*?)<\/script>/s.exec(readFileSync(at("map.html"), "utf8")) ?? [];
    const points: [number, number, number, string][] = JSON.parse(data).points;
    expect(points.map(([, , k, text]) => [text, String(k)])).toEqual(cells.map(([text, k]) => [text, k]));
  });

  test("says by what it chose the number, and the same input gives the same bytes", async () => {
    const args = ["cluster", "--file", "notes.csv", "--text", "body", "--output", "a.json", "--map", "a.html"];
    const first = await munjang(args);
    expect(first.out).toMatch(/^24 texts .*\nby silhouette, of 2: 0\.\d+, 3: 0\.\d+, 4: /);
    const kept = [readFileSync(at("a.json"), "utf8"), readFileSync(at("a.html"), "utf8")];
    expect(await munjang(args)).toEqual(first);
    expect([readFileSync(at("a.json"), "utf8"), readFileSync(at("a.html"), "utf8")]).toEqual(kept);
  });

  test("puts together by threshold", async () => {
    const twice = [...texts.slice(0, 3), ...texts.slice(0, 3)];
    const { out } = await munjang([
      "cluster",
      "--json",
      "--method",
      "agglomerative",
      "--threshold",
      "0.9999",
      ...twice,
    ]);
    expect(JSON.parse(out).texts.map(({ cluster }: { cluster: number }) => cluster)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  test("finds communities, and leaves the rest out", async () => {
    const community = ["cluster", "--method", "community", "--threshold", "0.9999", "--min-size", "3"];
    const some = [texts[0], texts[1], texts[0], texts[2], texts[0]];
    const json = JSON.parse((await munjang([...community, "--json", ...some])).out);
    expect(json.texts.map(({ cluster }: { cluster: number | null }) => cluster)).toEqual([0, null, 0, null, 0]);
    expect(json.silhouette).toBe(null);
    const shown = await munjang([...community, ...some, "-o", "c.csv", "--map", "c.html"]);
    expect(shown.out).toMatch(/^5 texts {2}1 cluster {2}2 in none\n/);
    expect(parse(readFileSync(at("c.csv"), "utf8")).map(([, k]) => k)).toEqual(["cluster", "0", "", "0", "", "0"]);
    expect((await munjang([...community, texts[0], texts[1]])).out).toBe("2 texts  0 clusters  2 in none\n");
  });

  test("a map of one cluster says no figure that there is none of", async () => {
    const args = ["cluster", "--method", "community", "--threshold", "0", "--min-size", "2", "--map", "one.html"];
    expect((await munjang([...args, ...texts.slice(0, 4)])).code).toBe(0);
    expect(readFileSync(at("one.html"), "utf8")).toContain("4 texts, 1 cluster<");
  });

  test.skipIf(process.platform === "win32")("a signal takes both half-written files away", async () => {
    const child = spawn(process.execPath, [main, "cluster", "-f", "-", "--map", "cut.html", "-o", "cut.json"], {
      cwd: folder,
    });
    const closed = new Promise((resolve) => child.on("close", resolve));
    const found = () => readdirSync(folder).filter((name) => name.startsWith("cut."));
    child.stdin.end(`${texts.join("\n")}\n`.repeat(400));
    while (found().length < 2 && child.exitCode === null) await new Promise((go) => setImmediate(go));
    child.kill("SIGINT");
    expect(await closed).toBe(130);
    expect(found()).toEqual([]);
  });

  test("a text that would close the script comes back as it was", async () => {
    const bad = ["</script><script>alert(1)</script>", "<!--<script>", "잠이 옵니다", "졸음이 옵니다"];
    expect((await munjang(["cluster", "-k", "2", "--map", "bad.html", ...bad])).code).toBe(0);
    const page = readFileSync(at("bad.html"), "utf8");
    expect(page.match(/<script/g)).toHaveLength(2);
    const [, data] = /id="data">(.*?)<\/script>/s.exec(page) ?? [];
    expect(JSON.parse(data).points.map(([, , , text]: unknown[]) => text)).toEqual(bad);
  });

  test("refuses outputs that are another, or the input", async () => {
    const args = ["cluster", "--file", "notes.csv", "--text", "body", "-k", "3"];
    await refused(2, /--output and --map are one file/, [...args, "-o", "one.csv", "--map", "one.csv"]);
    await refused(2, /--file and --output are one file/, [...args, "-o", "notes.csv"]);
  });

  test("refuses what cannot be grouped, and writes nothing", async () => {
    const more = ["--output", "new.csv", "--map", "new.html"];
    await refused(1, /3 texts cannot be 4 clusters/, ["cluster", "-k", "4", "a", "b", "c", ...more]);
    await refused(1, /only 2 different texts: they cannot be 3 clusters/, [
      "cluster",
      "-k",
      "3",
      "a",
      "b",
      "b",
      ...more,
    ]);
    await refused(1, /all texts are the same/, ["cluster", "a", "a", ...more]);
    await refused(1, /one text cannot be clustered/, ["cluster", "a", ...more]);
    await refused(1, /no text in standard input/, ["cluster", ...more]);
    await refused(1, /notes\.csv, column "text": there is no such column/, ["cluster", "-f", "notes.csv", ...more]);
    await refused(1, /cannot write no\/m\.html: there is no such folder/, [
      "cluster",
      "a",
      "b",
      "-o",
      "new.csv",
      "--map",
      "no/m.html",
    ]);
    await refused(2, /community needs --threshold/, ["cluster", "--method", "community", "a", "b", ...more]);
    await refused(2, /needs --threshold or --clusters, one of them/, [
      "cluster",
      "--method",
      "agglomerative",
      "a",
      "b",
      ...more,
    ]);
    await refused(2, /--threshold is for agglomerative/, ["cluster", "--threshold", "0.5", "a", "b", ...more]);
    await refused(2, /it must be a cosine/, ["cluster", "--threshold", "2", "a", "b"]);
    await refused(2, /ends in \.json or \.csv/, ["cluster", "a", "b", "-o", "new.txt"]);
    expect(existsSync(at("new.csv")) || existsSync(at("new.html"))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test.skipIf(!existsSync("/dev/full"))("a full disk", async () => {
    const args = ["cluster", "--file", "notes.txt", "-k", "3"];
    await refused(1, /^munjang: cannot write \/dev\/full: the disk is full\n$/, [...args, "--map", "/dev/full"]);
    const printed = await toFull([...args, "--json"]);
    expect(printed).toEqual({ code: 1, out: "", err: "munjang: cannot write standard output: the disk is full\n" });
  });
});
