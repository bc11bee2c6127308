import { mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Project, root } from "../packaging/packed.ts";
import { serve as serveFolder } from "../packaging/pages.ts";
import { type Browser, browsers, type Page, serve, titleOf } from "../runtimes/browsers.ts";
import { type Expected, example, expectedOfNode, missing, run, type Server, start } from "./example.ts";

/* examples/vite-page and examples/single-html as readers see them: the ranking of Node, and a line that says what computed. */

let node: Expected;
let built: Project | undefined;
let html: Project;
let sentences: string[];

const tools = ["packaging", "examples"].map((folder) => join(root, "test", folder, "node_modules"));
const absent = missing(join(tools[0], "vite"), join(tools[1], "typescript"));

beforeAll(async () => {
  node = await expectedOfNode();
  html = example("single-html");
  if (absent !== undefined) return;
  built = example("vite-page", { linked: ["packaging:vite", "examples:typescript"] });
  const path = tools.map((path) => join(path, ".bin")).reverse();
  await run(["npm", "run", "--silent", "build"], built.folder, { path });
  const list = readFileSync(join(built.folder, "src/sentences.ts"), "utf8");
  sentences = [...list.matchAll(/"(.+)"/g)].map(([, text]) => text);
  expect(sentences).toHaveLength(12);
}, 300_000);
afterAll(async () => {
  await node?.dispose();
  built?.remove();
  html?.remove();
});

/** Resolves with what an expression of the page says, as soon as it is more than nothing. */
const awaited = <R>(page: Page, expression: string): Promise<R> =>
  page.evaluate<R>(`new Promise((done) => {
    const look = () => {
      const seen = (${expression});
      if (!seen) return;
      watch.disconnect();
      done(seen);
    };
    const watch = new MutationObserver(look);
    watch.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    look();
  })`);

const STATUS = `(document.querySelector("#status").textContent !== "loading" && document.querySelector("#status").textContent)`;

describe.each(browsers)("$name", (kind) => {
  let browser: Browser;
  beforeAll(async () => {
    if (kind.missing === undefined) browser = await kind.launch();
  });
  afterAll(() => browser?.close());

  describe.skipIf(kind.missing !== undefined || absent !== undefined)(
    `${titleOf(kind, "examples/vite-page in a page")}${absent ? ` (${absent})` : ""}`,
    () => {
      /** What the page shows once the first of its list is there, or another than `before`. */
      async function shown(page: Page, before = ""): Promise<[string, string][]> {
        const list = `[...document.querySelectorAll("#ranking li")].map((item) => [item.lastChild.textContent, item.firstChild.textContent])`;
        return awaited(page, `(([first, ...rest]) => first && first[0] !== "${before}" && [first, ...rest])(${list})`);
      }

      /** A visit: what loads, what computes, what it answers as one types. */
      async function visit(server: Server): Promise<void> {
        const page = await browser.openPage(`${server.origin}/`);
        try {
          const first = await shown(page);
          expect(await awaited(page, STATUS)).toMatch(
            /^wasm, [1-8] threads, 128-bit vectors \(auto: WebAssembly, the same bits everywhere\)$/,
          );
          expect(await page.evaluate("crossOriginIsolated")).toBe(true);
          expect(await page.evaluate(`document.querySelector("#progress").hidden`)).toBe(true);
          expect(first).toEqual(await node.rank("잠이 옵니다", sentences));
          // Faster than it computes: what is typed last stands there in the end.
          await page.evaluate(`for (const text of ["오", "오늘 날씨", "오늘 날씨가 어때요?"]) {
            const field = document.querySelector("#query");
            field.value = text;
            field.dispatchEvent(new Event("input"));
          }`);
          expect(await shown(page, first[0][0])).toEqual(await node.rank("오늘 날씨가 어때요?", sentences));
        } finally {
          await page.close();
        }
      }

      it("built, and again from what the browser has kept", async () => {
        const vite = join(tools[0], "vite/bin/vite.js");
        const server = await start(
          [process.execPath, vite, "preview", "--port", "0", "--host", "127.0.0.1"],
          built!.folder,
        );
        try {
          await visit(server);
          const page = await browser.openPage(`${server.origin}/`);
          expect(await awaited(page, STATUS)).toMatch(/^wasm/);
          const kept = `caches.open("munjang").then((cache) => cache.keys()).then((keys) => keys.map(({ url }) => url).join())`;
          expect(await page.evaluate(kept)).toMatch(/model-[^/]*\.safetensors/);
          const fetched = `performance.getEntriesByType("resource").map(({ name }) => name).join()`;
          expect(await page.evaluate(fetched)).toContain(".js");
          expect(await page.evaluate(fetched)).not.toContain("safetensors");
          await page.close();
        } finally {
          await server.stop();
        }
      });

      it("while developing", async () => {
        const vite = join(tools[0], "vite/bin/vite.js");
        const server = await start([process.execPath, vite, "--port", "0", "--host", "127.0.0.1"], built!.folder);
        try {
          await visit(server);
        } finally {
          await server.stop();
        }
      });
    },
  );

  describe.skipIf(kind.missing !== undefined)(titleOf(kind, "examples/single-html in a page"), () => {
    it("takes everything from another origin, with one worker", async () => {
      // The packages as a CDN has them.
      rmSync(join(html.folder, "cdn"), { recursive: true, force: true });
      mkdirSync(join(html.folder, "cdn/npm"), { recursive: true });
      const text = readFileSync(join(html.folder, "index.html"), "utf8");
      const packages = new Map(
        [...text.matchAll(/\/npm\/((munjang[^@]*)@[^/]+)\//g)].map(([, path, name]) => [path, name]),
      );
      for (const [path, name] of packages) {
        symlinkSync(join(html.folder, "node_modules", name), join(html.folder, "cdn/npm", path));
      }
      const cdn = await serveFolder(join(html.folder, "cdn"), { forOthers: true });
      const site = await serve({ routes: { "/": text.replaceAll("https://cdn.jsdelivr.net", cdn.origin) } });
      const page = await browser.openPage(`${site.origin}/`);
      try {
        expect(text.match(/<script/g)).toHaveLength(2); // the map, and the program
        expect(await awaited(page, STATUS)).toMatch(/^wasm, 1 threads, 128-bit vectors \(auto: WebAssembly/);
        const list = `[...document.querySelectorAll("#ranking li")].map((item) => item.textContent)`;
        const lines = await page.evaluate<string>(`document.querySelector("#sentences").value`);
        const ranked = async (query: string, lines: string): Promise<string[]> =>
          (await node.rank(query, lines.split("\n"))).map(([score, text]) => `${score} ${text}`);
        expect(lines.split("\n")).toHaveLength(5);
        const first = await page.evaluate<string[]>(list);
        expect(first).toEqual(await ranked("잠이 옵니다", lines));
        await page.evaluate(
          `document.querySelector("#query").value = "배가 고파요"; document.querySelector("#sentences").value += "\\n점심 먹을까요?"; document.querySelector("#button").click()`,
        );
        expect(await awaited(page, `(${list}).length === 6 && ${list}`)).toEqual(
          await ranked("배가 고파요", `${lines}\n점심 먹을까요?`),
        );
        expect(cdn.missing).toEqual([]);
      } finally {
        await page.close();
        site.close();
        cdn.close();
      }
    });
  });
});
