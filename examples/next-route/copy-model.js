/** Puts the model's files among the site's own, at /model/, where the edge route fetches them. */
import { cpSync } from "node:fs";

const from = new URL(".", import.meta.resolve("munjang-mini-ko/model/config.json"));
cpSync(from, new URL("./public/model/", import.meta.url), { recursive: true });
