import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { cpus } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpu } from "../../bench/cpu.ts";
import { convert, inMemory } from "../../src/quantize.ts";
import { type Browser, browsers, type Page, type Site, serve, titleOf } from "../runtimes/browsers.ts";
import { seededConfig, seededSafetensors } from "../seeded/seeded.ts";
import { sendRange } from "./ranges.ts";

/*
 * How long a page cannot answer while a model loads and embeds. The longest time between two turns of the event loop must be under 250 ms in one
 * of three tries: other work on the machine makes it longer, what blocks by itself does so in all. `npm run bench:browser` takes twelve
 * layers and keeps the figures.
 */

const LIMIT = 250;
const TRIES = 3;
const results = process.env.MUNJANG_BROWSER_RESULTS;
const layers = results === undefined ? 4 : 12;

interface Figures {
  readonly ms: number;
  /** Longest time between two turns of the event loop, ms. */
  readonly longest: number;
  /** The browser's own list of tasks over 50 ms, where it has one. */
  readonly tasks: readonly number[];
}
interface Measured {
  readonly backend: string;
  readonly threads: number;
  readonly load: Figures;
  readonly encode: Figures;
}

const words = Array.from({ length: 995 }, (_, n) => `w${n}`);
const text = (length: number, n: number): string =>
  Array.from({ length }, (_, t) => words[(n * 131 + t * 37) % words.length]).join(" ");
const short = Array.from({ length: 60 }, (_, n) => text(5 + ((n * 7) % 20), n));
const long = Array.from({ length: 2 }, (_, n) => text(126, n)); // and [CLS] and [SEP]
const korean = Array.from({ length: 1000 }, (_, n) => `${n}번째 문장입니다. 오늘은 날씨가 맑고 바람이 붑니다.`);

/** What is measured: a name, the folder, the texts, whether it goes through munjang/cache, and options. */
const CASES: [
  name: string,
  what: { folder: string; texts: string[]; keep?: boolean; options?: object; isolated?: boolean },
][] = [
  ["munjang-mini-ko, isolated", { folder: "mini", texts: korean, isolated: true }],
  ["munjang-mini-ko", { folder: "mini", texts: korean }],
  ["munjang-mini-ko, downloaded and kept", { folder: "mini", texts: korean, keep: true }],
  ["munjang-mini-ko, from the cache", { folder: "mini", texts: korean, keep: true }],
  ["munjang-mini-ko, threads: 0", { folder: "mini", texts: korean, options: { threads: 0 } }],
  ["768 wide, int8", { folder: "int8", texts: short }],
  ["768 wide, int8, threads: 0", { folder: "int8", texts: short, options: { threads: 0 } }],
  ["768 wide, float32", { folder: "float32", texts: short }],
  ["768 wide, float32, threads: 0", { folder: "float32", texts: short, options: { threads: 0 } }],
  ["768 wide, float32, threads: 0, 128 tokens", { folder: "float32", texts: long, options: { threads: 0 } }],
  ["768 wide, float32, js", { folder: "float32", texts: short.slice(0, 10), options: { backend: "js" } }],
];

/** The files of a model with random weights, KR-SBERT's shape but for the vocabulary and, in tests, the layers. */
async function models(): Promise<Record<string, Uint8Array>> {
  const config = { ...seededConfig, vocab_size: 1000, num_hidden_layers: layers };
  const files = {
    "config.json": JSON.stringify(config),
    "vocab.txt": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...words].join("\n"),
    "model.safetensors": seededSafetensors(config),
  };
  const small = inMemory();
  await convert({ files }, small, { calibration: short.slice(0, 8) });
  const int8 = small.model() as { files: Record<string, Uint8Array | string> };
  const all = [
    ...Object.entries(files).map(([path, file]) => [`/float32/${path}`, file] as const),
    ...Object.entries(int8.files).map(([path, file]) => [`/int8/${path}`, file] as const),
  ];
  return Object.fromEntries(
    all.map(([path, file]) => [path, typeof file === "string" ? new TextEncoder().encode(file) : file]),
  );
}

const measured: Record<string, Record<string, Measured>> = {};

describe.each(browsers.map((kind) => [titleOf(kind, "the answers of a page"), kind] as const))("%s", (_, kind) => {
  const { missing } = kind;
  let browser: Browser;
  const sites: Site[] = [];
  beforeAll(async () => {
    if (missing !== undefined) return;
    const files = await models();
    const routes = {
      "/": '<!doctype html><title>munjang</title><script type="module" src="/browser/responsive.js"></script>',
      ...Object.fromEntries(
        Object.entries(files).map(([path, bytes]) => [
          path,
          (request: IncomingMessage, response: ServerResponse) => {
            const { start, end } = sendRange(request, response, bytes, '"seeded"');
            response.end(bytes.subarray(start, end));
          },
        ]),
      ),
    };
    const folders = { "/browser/": import.meta.dirname, "/mini/": join(import.meta.dirname, "../../weights/model") };
    for (const isolated of [false, true]) sites.push(await serve({ routes, folders, isolated }));
    browser = await kind.launch();
    measured[`${kind.name} ${browser.version}`] = {};
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    for (const site of sites) site.close();
  });

  it.skipIf(missing).each(CASES)(
    "%s: under 250 ms",
    async (name, { isolated = false, ...what }) => {
      const tries: Measured[] = [];
      const worst = ({ load, encode }: Measured): number => Math.max(load.longest, encode.longest);
      while (tries.length < TRIES && !tries.some((one) => worst(one) < LIMIT)) {
        const page: Page = await browser.openPage(`${sites[Number(isolated)].origin}/`);
        tries.push(await page.evaluate<Measured>(`measure(${JSON.stringify(what)})`));
        await page.close();
      }
      const best = tries.reduce((a, b) => (worst(b) < worst(a) ? b : a));
      measured[`${kind.name} ${browser.version}`][name] = best;
      const { load, encode, backend, threads } = best;
      console.log(
        `${kind.name}, ${name} (${backend}, ${threads} workers): ${load.longest} ms at most of ${load.ms} while loading, ${encode.longest} of ${encode.ms} while embedding`,
      );
      expect(worst(best), JSON.stringify(tries)).toBeLessThan(LIMIT);
    },
    300_000,
  );
});

/** How many are enough for a file. */
const countTasks = (key: string, value: unknown): unknown =>
  key === "tasks" && Array.isArray(value) ? value.length : value;

afterAll(() => {
  if (results === undefined) return;
  const content = { unit: "ms", limit: LIMIT, layers, cpu: cpu(), cores: cpus().length, measured };
  writeFileSync(join(results, "browser.json"), `${JSON.stringify(content, countTasks, 2)}\n`);
});
