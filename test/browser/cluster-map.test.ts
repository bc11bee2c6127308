import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mapPage } from "../../apps/cli/src/cluster/page.ts";
import { type Browser, browsers, type Page, type Site, serve } from "../runtimes/browsers.ts";

/*
 * The map of `munjang cluster --map` in real browsers: 5,000 texts, one of them in the middle, which would break out if it could.
 */

const bad = '</script><script>document.title = "broken"</script><img src=x onerror="document.title=1">\n둘째 줄 & "끝"';
const points = Array.from({ length: 4999 }, (_, i) => {
  const angle = i * 2.399963;
  const radius = 5 + (i % 50) / 10;
  return { x: radius * Math.cos(angle), y: radius * Math.sin(angle), cluster: (i % 9) - 1, text: `글 ${i}` };
});
// The circle around it is fitted to the canvas, so that it lies in the middle, give or take a pixel.
const page = mapPage(
  [...points, { x: 0, y: 0, cluster: 0, text: bad }],
  ["<i>첫째</i>", ...Array.from({ length: 7 }, (_, k) => `무리 ${k + 1}`)],
  { title: "지도", note: "5,000 texts" },
);

/** Moves the pointer to the middle of the map, and answers what the tooltip says, if it is shown. */
const HOVER = `(() => {
  const map = document.getElementById("map");
  const box = map.getBoundingClientRect();
  const at = { clientX: box.left + box.width / 2, clientY: box.top + box.height / 2, bubbles: true };
  map.dispatchEvent(new PointerEvent("pointermove", at));
  const tip = document.getElementById("tip");
  return tip.hidden ? null : [...tip.childNodes].filter((node) => node.nodeName !== "BR").map((node) => node.textContent);
})()`;

/** Colours on the canvas, once it is drawn. */
const COLOURS = `new Promise((resolve) => {
  const map = document.getElementById("map");
  const look = () => {
    const { data } = map.getContext("2d").getImageData(0, 0, map.width, map.height);
    const seen = new Set();
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 150) seen.add([data[i] >> 5, data[i + 1] >> 5, data[i + 2] >> 5].join());
    if (seen.size > 0) resolve(seen.size);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})`;

for (const { name, missing, launch } of browsers) {
  describe.skipIf(missing !== undefined)(
    `the map in ${name}${missing === undefined ? "" : ` (skipped: ${missing})`}`,
    () => {
      let site: Site;
      let browser: Browser;
      let map: Page;
      beforeAll(async () => {
        site = await serve({ routes: { "/map.html": page } });
        browser = await launch();
        map = await browser.openPage(`${site.origin}/map.html`);
      });
      afterAll(async () => {
        await browser?.close();
        site?.close();
      });

      it("draws every cluster in a colour of its own, and asks the network for nothing", async () => {
        expect(await map.evaluate<number>(COLOURS)).toBeGreaterThan(8);
        expect(await map.evaluate(`document.title`)).toBe("지도");
        expect(await map.evaluate(`document.querySelectorAll("img, #tip i").length`)).toBe(0);
        expect(
          await map.evaluate(
            `performance.getEntriesByType("resource").filter(({ name }) => !name.endsWith("favicon.ico")).length`,
          ),
        ).toBe(0);
      });

      it("shows the text under the pointer as it was written", async () => {
        expect(await map.evaluate(HOVER)).toEqual(["<i>첫째</i>", bad]);
      });

      it("finds texts, and leaves out clusters that are switched off", async () => {
        const search = (text: string): string => `(() => {
        const field = document.getElementById("search");
        field.value = ${JSON.stringify(text)};
        field.dispatchEvent(new Event("input"));
        return document.getElementById("found").textContent;
      })()`;
        expect(await map.evaluate(search("둘째 줄"))).toBe("1 found");
        expect(await map.evaluate(HOVER)).toEqual(["<i>첫째</i>", bad]);
        expect(await map.evaluate(search("글 17"))).toBe("111 found");
        expect(await map.evaluate(HOVER)).toBe(null);
        expect(await map.evaluate(search(""))).toBe("");
        const legend = `[...document.querySelectorAll("#legend label")].map((row) => row.textContent)`;
        expect(await map.evaluate(legend)).toEqual([
          "<i>첫째</i>557",
          ...Array.from(
            { length: 7 },
            (_, k) => `무리 ${k + 1}${points.filter(({ cluster }) => cluster === k + 1).length}`,
          ),
          `in no cluster${points.filter(({ cluster }) => cluster === -1).length}`,
        ]);
        await map.evaluate(`document.querySelector("#legend input").click()`);
        expect(await map.evaluate(HOVER)).toBe(null);
        await map.evaluate(`document.querySelector("#legend input").click()`);
        expect(await map.evaluate(HOVER)).toEqual(["<i>첫째</i>", bad]);
      });

      it("its policy lets no other script run", async () => {
        const injected = `(() => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'broken'";
        document.body.append(script);
        return document.title;
      })()`;
        expect(await map.evaluate(injected)).toBe("지도");
        expect(await map.evaluate(`fetch("/other").then(() => "answered", () => "refused")`)).toBe("refused");
      });
    },
  );
}
