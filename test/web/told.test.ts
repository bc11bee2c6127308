import { expect, it } from "vitest";
import { facts } from "../../bench/ship/facts.ts";
import { SentenceTransformer } from "../../src/node.ts";
import { inBrowsers, picture } from "./opening.ts";

/* What apps/web tells its reader: how a sentence becomes its vector, what of a text is not read, and what is no longer true. */

const { layers } = facts();

inBrowsers(({ name, missing, inPage }) => {
  it.skipIf(missing)("Inside: ends at the vector that encode gives, the mean of the last layer's rows", async () => {
    const model = await SentenceTransformer.load("munjang-mini-ko", { threads: 0 });
    const vector = await model.encode("잠이 안 옵니다");
    const { normalize } = model.identity;
    await model.dispose();
    const last = await inPage(async (page) => {
      await page.evaluate('ready().then(() => go("inside"))');
      await page.evaluate('button("Look inside").click()');
      await page.evaluate('until(() => $("#tokens"), "tokens")');
      // Five stages a layer behind the embeddings: the last of the last layer.
      await page.evaluate(`fill($("section:not([hidden]) select"), "${5 * layers}")`);
      await page.evaluate(`until(() => /^layer ${layers - 1} output/.test($("#stage").textContent), "the last layer")`);
      const tokens = await page.evaluate<number>('document.querySelectorAll("#tokens li").length');
      const column: number[] = [];
      await page.evaluate('fill($("#column"), "3")');
      for (let row = 0; row < tokens; row++) {
        await page.evaluate(`fill($("#row"), "${row}")`);
        await page.evaluate(`until(() => $(".names .chosen") === $(".names").children[${row}], "row ${row}")`);
        column.push(await page.evaluate<number>('Number($("#value").textContent)'));
      }
      await page.evaluate('button("Next").click()');
      await page.evaluate('until(() => /^pooling/.test($("#stage").textContent), "the vector")');
      await picture(page, `${name}-pooling`);
      const shown = await page.evaluate<{ stage: string; first: string; next: boolean }>(
        '({ stage: $("#stage").textContent, first: $("#first code").textContent, next: button("Next").disabled })',
      );
      return { ...shown, column };
    });
    expect(last.stage).toMatch(/^pooling \[1, 256\]: .*the masked mean/);
    expect(last.stage).toContain(normalize ? "is normalised" : "does not normalise");
    expect(last.first).toBe(Array.from(vector.slice(0, 5), (x) => x.toFixed(4)).join(" "));
    expect(new Set(last.column).size).toBe(last.column.length);
    expect(last.column.reduce((sum, x) => sum + x, 0) / last.column.length).toBeCloseTo(vector[3], 3);
    expect(last.next).toBe(true);
  });

  it.skipIf(missing)("tells of long, unknown and decomposed text, and only of that", async () => {
    await inPage(async (page) => {
      await page.evaluate('ready().then(() => until(() => $("#ranking"), "the first result"))');
      expect(await page.evaluate('document.querySelectorAll("#ranking .told").length')).toBe(0);
      const sentences = [
        "잠이 꿹",
        "잠이 옵니다 ".repeat(60).trim(),
        "졸음이 옵니다".normalize("NFD"),
        "졸음이 옵니다",
      ];
      await page.evaluate(`fill($("textarea"), ${JSON.stringify(sentences.join("\n"))})`);
      await page.evaluate('until(() => !$("#stale").matches(":empty"), "the mark")');
      await page.evaluate('button("Compare").click()');
      await page.evaluate('until(() => document.querySelectorAll("#ranking li").length === 4, "the new result")');
      const told = await page.evaluate<[string, string][]>(
        '[...document.querySelectorAll("#ranking li")].map((li) => [li.querySelector("span").textContent, [...li.querySelectorAll(".told")].map((one) => one.textContent).join(" ")])',
      );
      const of = Object.fromEntries(told);
      expect(of[sentences[0]]).toMatch(/not know \(\[UNK\]\): 꿹\./);
      expect(of[sentences[1]]).toMatch(/only the first 128 of \d{3} tokens/);
      expect(of[sentences[2]]).toMatch(/NFD.*\[UNK\]/);
      expect(of[sentences[3]]).toBe("");
      await page.evaluate('go("inside")');
      await page.evaluate(`fill($("section:not([hidden]) input"), ${JSON.stringify(sentences[1])})`);
      await page.evaluate('new Promise(requestAnimationFrame).then(() => button("Look inside").click())');
      await page.evaluate('until(() => /first 128 of/.test($("#reading")?.textContent), "what was cut")');
    });
  });

  it.skipIf(missing)("old results are marked as old; spaces alone are refused", async () => {
    await inPage(async (page) => {
      await page.evaluate('ready().then(() => until(() => $("#ranking"), "the first result"))');
      expect(await page.evaluate('$("#stale").textContent')).toBe("");
      const before = await page.evaluate<string>('$("#ranking").textContent');
      await page.evaluate('fill($("textarea"), "   \\n  ")');
      await page.evaluate('until(() => /Press “Compare”/.test($("#stale").textContent), "the mark")');
      expect(await page.evaluate('$("#stale").getAttribute("aria-live")')).toBe("polite");
      expect(await page.evaluate('$("#ranking").closest(".stale") !== null')).toBe(true);
      expect(await page.evaluate('$("textarea").validationMessage')).toMatch(/Spaces alone/);
      await page.evaluate('button("Compare").click()');
      expect(await page.evaluate('$("#ranking").textContent')).toBe(before);
      await page.evaluate('fill($("textarea"), "기차가 옵니다")');
      await page.evaluate('until(() => $("textarea").validity.valid, "a text")');
      await page.evaluate('button("Compare").click()');
      await page.evaluate('until(() => document.querySelectorAll("#ranking li").length === 1, "the new result")');
      expect(await page.evaluate('$("#stale").textContent')).toBe("");
    });
  });
});
