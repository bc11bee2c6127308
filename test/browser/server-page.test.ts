import { SentenceTransformer } from "munjang";
import { mini } from "munjang-mini-ko";
import { describe, expect, it } from "vitest";
import { openLog, serve } from "../../apps/server/src/node.ts";
import { browsers, titleOf } from "../runtimes/browsers.ts";

/* The page at /docs of `munjang serve`: every example in it is sent by its button, with the key that was typed. */

describe.each(browsers)("$name", (browser) => {
  it.skipIf(browser.missing !== undefined)(titleOf(browser, "the page sends its examples"), async () => {
    const load = (): Promise<SentenceTransformer> => SentenceTransformer.load(mini, { threads: 1 });
    const serving = await serve(load, { port: 0, apiKeys: ["key"], log: openLog("silent") });
    const running = await browser.launch();
    try {
      const page = await running.openPage(`${serving.url}/docs`);
      const answers = await page.evaluate<string[]>(`(async () => {
        const until = async (there) => { while (!there()) await new Promise((later) => setTimeout(later, 20)); };
        await until(() => document.querySelectorAll("section").length > 8);
        document.getElementById("key").value = "key";
        const outputs = [...document.querySelectorAll("section")].map((section) => {
          section.querySelector("button").click();
          return section.querySelector("pre");
        });
        await until(() => outputs.every((output) => output.textContent !== ""));
        return outputs.map((output) => output.textContent);
      })()`);
      expect(answers).toHaveLength(9);
      for (const answer of answers) expect(answer).toMatch(/^200 in \d+ ms/);
      expect(answers.join("\n")).toContain('"prompt_tokens":');
    } finally {
      await running.close();
      await serving.stop(0);
    }
  });
});
