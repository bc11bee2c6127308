import { execFile } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EXAMPLES } from "../../apps/cli/test/topics.ts";
import { type How, PAGES, type Run } from "./blocks.ts";
import { type Block, blocksOf, markdownFiles, root } from "./markdown.ts";

/*
 * The code blocks of README.md and docs/*.md, against the built packages. blocks.ts says of each what becomes of it. Those of docs/learn are run by
 * learn.test.ts, which wants every block there to be a snippet and what it prints.
 */

const execute = promisify(execFile);
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = markdownFiles().filter((path) => path === "README.md" || /^docs\/[^/]+\.md$/.test(path));
const blocks = new Map(pages.map((page) => [page, blocksOf(page, read(page))]));

/** A block, and what becomes of it. */
interface Planned {
  readonly name: string;
  readonly block: Block;
  readonly how: How;
}
/** As far as both agree; the first test says where they do not. */
const planned: Planned[] = Object.entries(PAGES).flatMap(([page, entries]) =>
  entries.flatMap(([, , how], n) => {
    const block = blocks.get(page)?.[n];
    return block ? [{ name: `${page}:${block.line} ${block.language}`.trim(), block, how }] : [];
  }),
);
const isScript = ({ block: { language } }: Planned): boolean => language === "ts" || language === "js";

const HUB = "snunlp/KR-SBERT-V40K-klueNLI-augSTS";
const COMMIT = "0123456789".repeat(4);
const all = mkdtempSync(join(tmpdir(), "munjang-blocks-"));
afterAll(() => rmSync(all, { recursive: true, force: true }));

const write = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

/** A folder with the packages, and with the files that blocks name; what stands for KR-SBERT lies in the hub's cache. */
function folderOf(name: string): string {
  const folder = join(all, name);
  const rows = (rows: readonly (readonly (string | number)[])[], between: string): string =>
    rows.map((row) => `${row.join(between)}\n`).join("");
  write(join(folder, "package.json"), '{ "type": "module" }');
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "dir");
  write(
    join(folder, "sentences.txt"),
    rows(
      EXAMPLES.map(([text]) => [text]),
      "",
    ),
  );
  write(join(folder, "examples.csv"), rows([["text", "label"], ...EXAMPLES], ","));
  const pairs = [
    ["잠이 옵니다", "졸음이 옵니다", 4.5],
    ["잠이 옵니다", "기차가 옵니다", 0.5],
    ["비가 옵니다", "눈이 옵니다", 2],
  ];
  write(join(folder, "pairs.tsv"), rows([["sentence1", "sentence2", "score"], ...pairs], "\t"));
  write(join(folder, "notes/travel.md"), "# 여행 준비물\n\n우산과 지도를 넣는다.\n");
  write(join(folder, "notes/server.md"), "서버를 다시 켰다\n");
  write(
    join(folder, "src/app.js"),
    'import { SentenceTransformer } from "munjang";\nconsole.log(SentenceTransformer.name);\n',
  );
  return folder;
}

const bin = join(all, "bin");
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(HF_|HUGGING|TRANSFORMERS_|COLUMNS$)/.test(name)),
);
Object.assign(env, {
  HF_HOME: join(all, "hf"),
  HF_HUB_OFFLINE: "1",
  PATH: [bin, join(root, "node_modules/.bin"), process.env.PATH].join(delimiter),
});

beforeAll(() => {
  if (!existsSync(join(root, "apps/cli/dist/main.js"))) throw new Error("not built: run `npm run build` first");
  const model = join(all, "hf/hub", `models--${HUB.replace("/", "--")}`);
  cpSync(join(root, "test/golden/models/plain"), join(model, "snapshots", COMMIT), { recursive: true });
  write(join(model, "refs/main"), COMMIT);
  // The real npx would look for updates; the command is the same.
  for (const [name, line] of [
    ["munjang", `"${process.execPath}" "${join(root, "apps/cli/bin/munjang.js")}" "$@"`],
    ["npx", '"$@"'],
  ]) {
    write(join(bin, name), `#!/bin/sh\nexec ${line}\n`);
    chmodSync(join(bin, name), 0o755);
  }
});

async function inFolder(cwd: string, file: string, args: readonly string[]): Promise<string> {
  const { stdout } = await execute(file, args, { cwd, env, timeout: 120_000 }).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}${error.stderr}`);
  });
  return stdout;
}

/** The block as a module. */
function moduleOf(block: Block, { before = "", swap = [], shows }: Run): string {
  const code = swap.reduce((text, [from, to]) => {
    expect(text, "what is replaced stands in the block").toContain(from);
    return text.replaceAll(from, to);
  }, block.code);
  const after = shows && `console.log("shown: " + JSON.stringify(${shows[0]}));`;
  return [before, code, after, "export {};\n"].filter(Boolean).join("\n");
}

async function runHere(folder: string, { block }: Planned, what: Run): Promise<void> {
  const { language, code, line } = block;
  if (what.printedBy !== undefined) {
    const [command, ...args] = what.printedBy.split(" ");
    expect(await inFolder(folder, command, args)).toContain(code);
  } else if (language === "sh") {
    const lines = code.split("\n").filter((each) => each.trim() !== "" && !what.except?.[0].test(each));
    expect(lines.length).toBeGreaterThan(0);
    for (const each of lines) await inFolder(folder, "sh", ["-c", each]);
  } else {
    const file = join(folder, `block-${line}.${language === "ts" ? "mts" : "mjs"}`);
    writeFileSync(file, moduleOf(block, what));
    const printed = await inFolder(folder, process.execPath, language === "ts" ? ["--import", "tsx", file] : [file]);
    expect(what.shows, "a block that shows nothing could be an empty one").toBeDefined();
    expect(JSON.parse(/^shown: (.*)$/m.exec(printed)?.[1] ?? "null")).toEqual(what.shows?.[1]);
  }
  for (const file of what.leaves ?? []) expect(existsSync(join(folder, file)), `${file} is there`).toBe(true);
}

describe("code blocks", () => {
  it.each([...new Set([...pages, ...Object.keys(PAGES)])])(
    "of %s stand in blocks.ts, in their order, and no others",
    (page) => {
      const listed = PAGES[page] ?? [];
      const found = (blocks.get(page) ?? []).map(({ language, code, line }, n) => {
        const begins = listed[n]?.[1];
        return [
          language,
          begins !== undefined && code.startsWith(begins) ? begins : `line ${line}: ${code.split("\n")[0]}`,
        ];
      });
      expect(found).toEqual(listed.map(([language, begins]) => [language, begins]));
    },
  );

  it("are left out for a reason", () => {
    for (const { name, how } of planned) if (how.how === "not") expect(how.reason.length, name).toBeGreaterThan(8);
    for (const { name, block, how } of planned) {
      if (how.how === "run" && how.except)
        expect(
          block.code.split("\n").some((line) => how.except?.[0].test(line)),
          name,
        ).toBe(true);
    }
  });

  it.each(planned.filter(({ how }) => how.how === "as" || how.how === "like"))(
    "$name is run by the test that is named",
    ({ block, how }) => {
      if (how.how === "as") expect(read(how.test)).toContain(block.page.replace(/^docs\/|\.md$/g, ""));
      if (how.how === "like") expect(read(how.test)).toContain(how.text);
    },
  );

  it("in TypeScript and JavaScript pass the compiler", async () => {
    const scripts = planned.filter((each) => isScript(each) && (each.how.how === "run" || each.how.how === "like"));
    expect(scripts.length).toBeGreaterThan(15);
    const folder = folderOf("types");
    const options = {
      module: "nodenext",
      target: "es2023",
      lib: ["es2023", "dom"],
      types: ["node"],
      noEmit: true,
      skipLibCheck: true,
    };
    write(
      join(folder, "wasm.d.ts"),
      "declare module '*.wasm' {\n  const module: WebAssembly.Module;\n  export default module;\n}\n",
    );
    write(
      join(folder, "webgpu.d.ts"),
      "declare module 'webgpu' {\n  export const globals: object;\n  export function create(options: string[]): GPU;\n}\n",
    );
    write(join(folder, "gpu.d.ts"), "declare module 'gpu.js' {\n  export const GPU: unknown;\n}\n");
    for (const language of ["ts", "js"]) {
      const strict = language === "ts"; // what JavaScript leaves open is no error
      const config = { compilerOptions: { ...options, strict }, include: ["*.ts", `${language}/*`] };
      write(join(folder, `${language}.json`), JSON.stringify(config));
    }
    for (const { block, how } of scripts) {
      const name = `${block.page.replace(/^docs\/|\.md$/g, "")}-${block.line}.ts`;
      write(
        join(folder, block.language, name),
        moduleOf(block, how.how === "run" || how.how === "like" ? { ...how } : {}),
      );
    }
    const tsc = (project: string): Promise<string> =>
      execute(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project], { cwd: folder }).then(
        () => "",
        (error: { stdout: string }) => error.stdout,
      );
    expect(await tsc("ts.json")).toBe("");
    expect(await tsc("js.json")).toBe("");
  }, 120_000);
});

const RUN = [...new Set(planned.flatMap(({ block, how }) => (how.how === "run" ? [block.page] : [])))];
describe.skipIf(process.platform === "win32").each(RUN)("%s", (page) => {
  const here = planned.filter(({ block, how }) => block.page === page && how.how === "run");
  let folder: string;
  beforeAll(() => {
    folder = folderOf(page.replace(/\W/g, "-"));
  });
  // In the order of the page: a block may take what one above it has left.
  for (const each of here) {
    const { how } = each;
    if (how.how === "run") it(`${each.name} runs`, () => runHere(folder, each, how), 120_000);
  }
});
