/*
 * What becomes of every code block of README.md and docs/*.md, in their order: blocks.test.ts fails for one that is not here, and for one here that is
 * not there. A block is known by its language and how it begins.
 *
 *   run      runs here, in a folder that all blocks of its page share, one after the other; TypeScript and JavaScript pass the compiler before
 *   as       another test runs the block as it stands on the page
 *   like     is compiled here; the code it shows is run by another test, which says `text`, where a page, a GPU or another runtime is needed
 *   not      nothing runs it, for the reason given
 */
export type How =
  | ({ readonly how: "run" } & Run)
  | { readonly how: "as"; readonly test: string }
  | { readonly how: "like"; readonly test: string; readonly text: string; readonly before?: string }
  | { readonly how: "not"; readonly reason: string };

export interface Run {
  /** Lines before the block: what it takes from the text around it. */
  readonly before?: string;
  /** Names of things that are not here, and what stands in for them. */
  readonly swap?: readonly (readonly [from: string, to: string])[];
  /** Lines of a shell block that are not run, and why. */
  readonly except?: readonly [lines: RegExp, reason: string];
  /** An expression after the block, printed as JSON, and what that must be. */
  readonly shows?: readonly [expression: string, printed: unknown];
  /** Files it leaves behind. */
  readonly leaves?: readonly string[];
  /** The block is what this command prints, or a part of it. */
  readonly printedBy?: string;
}

export type Entry = readonly [language: string, begins: string, how: How];

const run = (what: Run = {}): How => ({ how: "run", ...what });
const as = (test: string): How => ({ how: "as", test });
const like = (test: string, text: string, before?: string): How => ({ how: "like", test, text, before });
const not = (reason: string): How => ({ how: "not", reason });

const IMPORT = 'import { SentenceTransformer } from "munjang";\n';
const FLOATS = "./node_modules/munjang/test/golden/models/plain";
const ADAPTERS = as("test/adapters/examples.test.ts");
const COMMANDS = as("apps/cli/test/examples.test.ts");
const TOOLS = as("apps/cli/test/tool-docs.test.ts");
const EVALUATE = as("apps/cli/test/evaluate-command.test.ts");
const SERVER = as("apps/server/test/examples.test.ts");
const HEADERS = not("headers, no code: test/runtimes/browsers.ts sends them to both browsers");

export const PAGES: Readonly<Record<string, readonly Entry[]>> = {
  "README.md": [
    [
      "ts",
      'import { SentenceTransformer } from "munjang";',
      run({ shows: ["similarities.map((row) => row.length)", [3, 3, 3]] }),
    ],
    ["sh", "npm ci && npm start", as(".ci/run")],
    ["", "Sleepy: 잠이 옵니다", run({ printedBy: "munjang demo" })],
    [
      "ts",
      'const model = await SentenceTransformer.load("snunlp/KR-SBERT-V40K-klueNLI-augSTS"); // from the Hugging Face cache',
      run({ before: IMPORT, shows: ["model.identity.dimension > 0", true] }),
    ],
    [
      "sh",
      'npx munjang similarity "잠이 옵니다"',
      run({ leaves: ["embeddings.jsonl", "kr-sbert-int8/config.json", "topics.json", "map.html"] }),
    ],
    [
      "ts",
      'import { BertModel, BertTokenizer, meanPooling } from "munjang";',
      run({
        before: `${IMPORT}const sentences = ["잠이 옵니다", "졸음이 몰려옵니다"];\nconst whole = await SentenceTransformer.load("munjang-mini-ko");\nconst rows = await whole.encode(sentences);`,
        shows: ["rows.every((row, n) => row.every((x, i) => Object.is(x, embeddings[n][i])))", true],
      }),
    ],
    ["sh", "npm ci && npm test", as(".ci/run")],
  ],
  "docs/adapters.md": [
    ["ts", 'import { cosineSimilarity, embed, embedMany } from "ai";', ADAPTERS],
    ["", "졸음이 옵니다 ", ADAPTERS],
    ["ts", "import { MemoryVectorStore }", ADAPTERS],
    ["", "졸음이 옵니다", ADAPTERS],
    ["ts", "import { Document, Settings, VectorStoreIndex }", ADAPTERS],
    ["", "졸음이 옵니다 0.", ADAPTERS],
    ["ts", 'import { pipeline } from "munjang/pipeline";', ADAPTERS],
    ["", "[ 2, 256 ] 0.", ADAPTERS],
  ],
  "docs/browser.md": [
    ["js", 'import { SentenceTransformer } from "munjang";', like("test/browser/cache.js", "cached(")],
    ["", "Cross-Origin-Opener-Policy: same-origin", HEADERS],
    ["nginx", "# nginx", not("the settings of a server that is not here")],
    ["", "# Netlify, Cloudflare Pages", not("the settings of servers that are not here")],
    [
      "js",
      "// vite.config.js",
      run({
        swap: [["export default", "const config ="]],
        shows: [
          "Object.values(config).map(({ headers }) => Object.values(headers))",
          Array(2).fill(["same-origin", "require-corp"]),
        ],
      }),
    ],
    [
      "",
      "script-src 'self' 'wasm-unsafe-eval'",
      not("a header, no code: test/runtimes/browser.test.ts runs pages under policies with it and without"),
    ],
  ],
  "docs/bulk.md": [
    ["sh", "munjang embed --file sentences.txt --output embeddings.npy", COMMANDS],
    ["sh", "munjang embed --file sentences.txt --output all.npy --resume", COMMANDS],
    ["sh", "munjang embed --file sentences.txt --output parts.parquet --shard 1/2", COMMANDS],
    ["sh", "munjang embed --stream --from jsonl", COMMANDS],
  ],
  "docs/bundlers.md": [
    [
      "js",
      'import { SentenceTransformer } from "munjang";',
      run({ shows: ["(await model.encode(['기차'])).map((row) => row.length)", [256]] }),
    ],
    [
      "sh",
      "esbuild app=src/app.js web-worker=munjang/web-worker",
      run({ leaves: ["public/app.js", "public/web-worker.js"] }),
    ],
    [
      "js",
      'import "munjang/inline-worker"; // inside the program',
      like(
        "test/packaging/package.test.ts",
        'import "munjang/inline-worker"',
        `${IMPORT}const model = "munjang-mini-ko";`,
      ),
    ],
    [
      "js",
      "export default { optimizeDeps:",
      run({
        swap: [["export default", "const config ="]],
        shows: ["config.optimizeDeps.exclude.every((name) => import.meta.resolve(name) !== '')", true],
      }),
    ],
    [
      "html",
      '<script type="module">',
      not("an address that stands for any CDN: test/packaging/pages.test.ts imports from a second server"),
    ],
    [
      "js",
      'import worker from "munjang/node-worker" with { type: "file" };',
      not(
        "Bun's kind of import, in a part of a program: test/packaging/binaries.test.ts and test/examples compile whole ones",
      ),
    ],
  ],
  "docs/classify.md": [
    ["sh", "munjang classify train examples.csv", TOOLS],
    ["sh", "munjang classify predict topics.json --file tests.csv", TOOLS],
    ["ts", 'import { SentenceTransformer } from "munjang";', TOOLS],
  ],
  "docs/cluster.md": [
    ["sh", "munjang cluster --file notes.csv", TOOLS],
    ["ts", 'import { SentenceTransformer } from "munjang";', TOOLS],
  ],
  "docs/edge.md": [
    [
      "sh",
      "npx munjang convert snunlp/KR-SBERT-V40K-klueNLI-augSTS kr-sbert-int8",
      run({ except: [/wrangler/, "uploads to an account of Cloudflare's"], leaves: ["kr-sbert-int8/config.json"] }),
    ],
    [
      "ts",
      'import { SentenceTransformer } from "munjang";',
      like(
        "examples/worker/src/index.ts",
        "inBucket(",
        'import type { Bucket } from "munjang/edge";\ndeclare const env: { MODELS: Bucket };',
      ),
    ],
    [
      "sh",
      "npx munjang convert snunlp/KR-SBERT-V40K-klueNLI-augSTS public/kr-sbert-int8 --max-shard-size",
      run({ leaves: ["public/kr-sbert-int8/config.json"] }),
    ],
    [
      "ts",
      'import { inAssets } from "munjang/edge";',
      like(
        "test/edge.test.ts",
        "inAssets(",
        'import type { Fetcher } from "munjang/edge";\ndeclare const env: { ASSETS: Fetcher };',
      ),
    ],
  ],
  "docs/evaluate.md": [
    ["sh", "npx munjang evaluate sts sts.tsv", EVALUATE],
    ["ts", 'import { SentenceTransformer } from "munjang";', EVALUATE],
  ],
  "docs/gpu.md": [
    ["ts", 'import { SentenceTransformer } from "munjang";', like("test/gpu/webgpu.test.ts", "backend: webgpu(")],
    ["ts", 'import "munjang/fastest";', like("test/gpu/webgpu-trust.test.ts", 'backend: "fastest"', IMPORT)],
    ["sh", "npm install gpu.js@2", not("installs; npm run test:gpu has gpu.js from the lock file of test/gpu")],
    ["js", 'import { SentenceTransformer } from "munjang";', like("test/gpu/gpujs.test.ts", '"webasm"')],
    [
      "js",
      'const backend = gpujs({ mode: "webgl2"',
      like("test/gpu/page.js", "gpujs({ mode, module })", 'import { gpujs } from "munjang/gpujs";'),
    ],
    ["js", 'import { create, globals } from "webgpu";', like("test/gpu/node.js", "Object.assign(globalThis, globals)")],
  ],
  "docs/int8.md": [
    [
      "sh",
      "npx munjang convert snunlp/KR-SBERT-V40K-klueNLI-augSTS kr-sbert-int8",
      run({ leaves: ["kr-sbert-int8/config.json", "embeddings.npy"] }),
    ],
    [
      "ts",
      'const model = await SentenceTransformer.load("kr-sbert-int8");',
      run({ before: IMPORT, swap: [["a float32 model", FLOATS]], shows: ["model.identity.dtype", "int8"] }),
    ],
  ],
  "docs/kernels.md": [["", "             w[k][0..3]  w[k][4..7]", not("a drawing")]],
  "docs/ladder.md": [["sh", "npm run bench:ladder", not("a benchmark, minutes; test/ladder.test.ts runs its rungs")]],
  "docs/rivals.md": [["sh", "npm run bench:rivals", not("a benchmark, hours; test/rivals.test.ts runs its parts")]],
  "docs/search.md": [
    ["sh", "npm ci && npm run build", not("installs; .ci/run runs both")],
    ["sh", "munjang index notes\nmunjang search", COMMANDS],
    ["sh", 'munjang index notes --exclude "drafts/**"', COMMANDS],
    ["sh", 'munjang search "여행 준비물" --limit 3', COMMANDS],
    ["sh", "munjang index notes --hnsw", COMMANDS],
    [
      "",
      "createdb notes",
      not(
        "needs PostgreSQL with pgvector; where MUNJANG_POSTGRES names one, apps/cli/test/search/server.test.ts runs both commands on it",
      ),
    ],
    [
      "ts",
      'import { index, openIndex } from "munjang-cli/search";',
      run({ shows: ["hits[0].file", "notes/travel.md"] }),
    ],
  ],
  "docs/server.md": [
    ["sh", "npx munjang serve --port 8080", SERVER],
    ["sh", "curl -s http://127.0.0.1:8080/v1/embeddings", SERVER],
    ["ts", 'import OpenAI from "openai";', SERVER],
    ["ts", 'import { InferenceClient } from "@huggingface/inference";', SERVER],
    ["ts", 'import { SentenceTransformer } from "munjang";', SERVER],
  ],
  "docs/sources.md": [
    [
      "js",
      'import { download } from "munjang";',
      run({ before: "const onProgress = () => {};", shows: ["[commit.length, files.length > 5]", [40, true]] }),
    ],
    [
      "js",
      'import { SentenceTransformer } from "munjang";',
      like(
        "test/sources/memory.test.ts",
        "webkitRelativePath",
        'import type { DirectoryHandle } from "munjang";\ndeclare function showDirectoryPicker(): Promise<DirectoryHandle>;\ndeclare const input: HTMLInputElement;',
      ),
    ],
  ],
  "docs/tokenizer.md": [
    [
      "ts",
      'import { WordPieceTokenizer } from "munjang/tokenizer";',
      run({
        // The bundled model's vocabulary; the tokens in the comment are those of KR-SBERT's, which is not here.
        before: `import { readFileSync } from "node:fs";
const read = (file: string): string => readFileSync("node_modules/munjang-mini-ko/model/" + file, "utf8");
const [vocab, config] = [read("vocab.txt"), read("tokenizer_config.json")];`,
        shows: [
          "[tokens[0], tokens.at(-1), ids.length === tokens.length, offsets.length === tokens.length]",
          ["[CLS]", "[SEP]", true, true],
        ],
      }),
    ],
  ],
};
