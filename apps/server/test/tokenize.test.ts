// /tokenize: nobody else waits for it, and its places are those of the text in UTF-8.
import { expect, it } from "vitest";
import { createServer } from "../src/index.ts";
import { loadMini } from "./serving.ts";

const headers = { "content-type": "application/json" };
const tokenize = (body: object): Request =>
  new Request("http://here/tokenize", { method: "POST", headers, body: JSON.stringify(body) });
const open = async () => createServer(await loadMini(), { maxUnread: 10_000_000 });

it.each([
  ["one text", "a ".repeat(50_001)],
  ["several", Array(4).fill("a ".repeat(12_501))],
  ["ids", Array(100_001).fill(5)],
])("more than 100,000 are refused: %s", async (_, inputs) => {
  const server = await open();
  const answer = await server.fetch(tokenize({ inputs }));
  expect(answer.status).toBe(413);
  expect(await answer.json()).toEqual({
    error: expect.stringMatching(/^10000\d characters or token ids > 100000/),
    error_type: "Validation",
  });
  await server.close();
});

it("so many are answered, and others get their turn between two texts", async () => {
  const server = await open();
  const over: string[] = [];
  const inputs = Array(4).fill("a ".repeat(12_500));
  const asked = server.fetch(tokenize({ inputs })).then((answer) => {
    over.push("tokenize");
    return answer;
  });
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
  for (let turns = 0; turns < 3; turns++) {
    await turn();
    over.push("turn");
  }
  const rows = (await (await asked).json()) as unknown[][];
  expect(rows.map(({ length }) => length)).toEqual(Array(4).fill(12_502));
  expect(over).toEqual(["turn", "turn", "turn", "tokenize"]);
  // Eight megabytes that were not read leave no room for another eight.
  const unread = server.answer(tokenize({ inputs }), new Promise(() => {}));
  expect((await unread).status).toBe(200);
  expect((await server.fetch(tokenize({ inputs }))).status).toBe(429);
  await server.close();
});

it("places are in bytes, beside pairs, halves of pairs and whatever else", async () => {
  const server = await open();
  const text = "\ud83d 가a é 😀b ½\udc00c 뷁뷁 ﬃ e\u0301";
  const answer = await server.fetch(tokenize({ inputs: text, add_special_tokens: false }));
  const [tokens] = (await answer.json()) as { text: string; start: number; stop: number }[][];
  const bytes = Buffer.from(text);
  expect(tokens.length).toBeGreaterThan(7);
  for (const { text, start, stop } of tokens) {
    expect(bytes.subarray(start, stop).toString()).toBe(Buffer.from(text).toString());
  }
  expect(tokens.at(-1)?.stop).toBe(bytes.length);
  await server.close();
});
