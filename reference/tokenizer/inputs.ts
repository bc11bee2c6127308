// Writes what expected.py asks the reference about: node reference/tokenizer/inputs.ts OUT.json
import { writeFileSync } from "node:fs";
import { configurations, filesOf, isAlone, question } from "../../test/tokenizer/configurations.ts";
import { random, text, vocabulary } from "../../test/tokenizer/generate.ts";

const TEXTS = 1700;
const tokens = vocabulary();
const ids = new Map(tokens.map((token, id) => [token, id] as const));
const out = configurations(ids).map((configuration, n) => {
  const next = random(1000 + n);
  return {
    name: configuration.name,
    alone: isAlone(configuration),
    files: filesOf(configuration, tokens),
    options: configuration.options,
    questions: Array.from({ length: TEXTS }, () => question(next, () => text(next, tokens))),
  };
});
writeFileSync(process.argv[2], JSON.stringify({ vocabulary: tokens, configurations: out }));
