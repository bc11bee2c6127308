import { readFileSync, statSync } from "node:fs";
import { extname, join, posix, relative, resolve, sep } from "node:path";
import * as td from "typedoc";
import { entryPoints, GROUPS, listing, type Page, pages, root, sources } from "./pages.ts";

/*
 * Builds the site, into site/dist or the folder given: the README in front, every other Markdown file as a page, the API from the doc comments, and the
 * source files these link to, so that no link leads out of the site into a repository that is not there. A warning is an error.
 */

const HIGHLIGHTED: Record<string, string> = {
  ".ts": "ts",
  ".js": "js",
  ".py": "python",
  ".sh": "bash",
  ".html": "html",
};
/** Where "Defined in" leads, until it is known from which page. */
const DEFINED = /href="source:([^"#]+)#L(\d+)"/g;

/** Types that only the compiler and the engine itself have a use for. */
const INNER = [
  "src/backend.ts:LateBackend",
  "src/kernels/wasm/variants.ts:Compiled",
  "src/options.ts:Asked",
  "src/options.ts:Callbacks",
  "src/options.ts:NoOptions",
  "src/options.ts:RowNamed",
  "src/pooling/precision.ts:PRECISIONS",
  "src/pooling/similarity.ts:SIMILARITY_FUNCTIONS",
];

/** Members that are what another interface says, or told by the name of their parent. */
const PLAIN = [
  "munjang.DirectoryHandle.getDirectoryHandle",
  "munjang.DirectoryHandle.getFileHandle",
  "munjang.DirectoryHandle.getFileHandle.__type.getFile",
  "munjang.SourceOptions.onProgress",
  "munjang/cache.CachedOptions.onProgress",
  "munjang/edge.Bucket.get",
  "munjang/edge.Bucket.head",
  "munjang/edge.Fetcher.fetch",
  "munjang/llamaindex.BatchOptions.logger.__type.log",
  "munjang/pipeline.FeatureTensor.[iterator]",
  "munjang/pipeline.PipelineOptions.progress_callback",
  "munjang/quantize.ConvertOptions.onProgress",
  "munjang/quantize.SinkFile.close",
  "munjang/quantize.SinkFile.write",
  "munjang/quantize.inMemory.__type.model",
];

/** Where a document lies in the site, without `.html`. */
const places = new WeakMap<object, string>();

/** Pages lie where their files do in the repository; the API below `api/`. */
class Router extends td.StructureRouter {
  override getIdealBaseName(target: td.Reflection): string {
    return places.get(target) ?? `api/${super.getIdealBaseName(target)}`;
  }
}

/** Names, groups and places of what TypeDoc reads itself. */
function arrange(app: td.Application, known: readonly Page[]): void {
  const pagesByPath = new Map(known.map((page) => [page.path, page]));
  app.converter.on(td.Converter.EVENT_CREATE_DOCUMENT, (_, document) => {
    const path = inRoot(document.project.files.getReflectionPath(document) ?? "");
    const page = pagesByPath.get(path);
    if (page === undefined) return;
    document.name = page.title;
    document.frontmatter.group = page.group;
    places.set(document, path.replace(/\.md$/, ""));
    // A link to a folder leads to what says what is in it.
    if (path.endsWith("/README.md"))
      document.project.files.registerReflectionPath(absolute(posix.dirname(path)), document);
  });
  const entries = entryPoints();
  app.converter.on(td.Converter.EVENT_CREATE_DECLARATION, (context, module) => {
    if (!module.kindOf(td.ReflectionKind.Module)) return;
    const symbol = context.getSymbolFromReflection(module);
    const file = symbol?.declarations?.[0]?.getSourceFile().fileName;
    const entry = file && entries.get(inRoot(file));
    if (!entry) throw new Error(`${module.name}: not an entry point of package.json`);
    module.name = entry.name;
    module.comment = new td.Comment([{ kind: "text", text: entry.about }]);
  });
}

/** Source files, and what else is linked to and can be read as text, as pages of their own. */
function addSources(project: td.ProjectReflection): void {
  const add = (
    path: string,
    name: string,
    text: string,
    parent: td.ContainerReflection | td.DocumentReflection,
  ): td.DocumentReflection => {
    const document = new td.DocumentReflection(name, parent as td.Reflection, [{ kind: "text", text }], {});
    parent.addChild(document);
    project.registerReflection(document, undefined, absolute(path));
    places.set(document, `source/${path}`);
    return document;
  };
  const linked = project.files.getMediaPaths();
  const folders = [...linked].map(inRoot).filter((path) => statSync(join(root, path)).isDirectory());
  const files = [...linked].map(inRoot).filter((path) => extname(path) in HIGHLIGHTED);
  const every = [...new Set([...sources(), ...files])].sort();
  const all = add("source", "Source files", "", project);
  all.frontmatter.group = "Source";
  places.set(all, "source/index");
  for (const path of every) {
    const code = readFileSync(join(root, path), "utf8");
    add(path, path, `# ${path}\n\n\`\`\`\`${HIGHLIGHTED[extname(path)]}\n${code}\`\`\`\`\n`, all);
  }
  for (const path of folders) {
    add(
      path,
      `${path}/`,
      `# ${path}/\n\n${listing(path)
        .map((name) => `- ${name}\n`)
        .join("")}`,
      all,
    );
  }
  all.content = [
    { kind: "text", text: "# Source files\n\nWhat the pages and the API link to.\n\n" },
    ...(all.children ?? []).flatMap((document): td.CommentDisplayPart[] => [
      { kind: "text", text: "- " },
      { kind: "inline-tag", tag: "@link", target: document, text: document.name },
      { kind: "text", text: "\n" },
    ]),
  ];
}

/** Blocks of no language are what a program prints, not TypeScript. */
function withoutLanguage(parser: Parser): void {
  parser.core.ruler.push("no-language", ({ tokens }) => {
    for (const token of tokens) if (token.type === "fence") token.info ||= "text";
  });
}

/** The part of markdown-it that is used here. */
interface Parser {
  core: { ruler: { push(name: string, rule: (state: { tokens: { type: string; info: string }[] }) => void): void } };
}

/** Gives the lines of a source page their anchors, and links to them from where they are documented. */
function linkLines(page: td.PageEvent): void {
  let html = page.contents ?? "";
  if (page.url.endsWith(".ko.html"))
    html = html.replace('<html class="default" lang="en"', '<html class="default" lang="ko"');
  if (page.url.startsWith("source/") && page.url !== "source/index.html") {
    html = html.replace(/(<pre><code class="\w+">)([\s\S]*?)(<\/code>)/, (_, open, code: string, close) => {
      return (
        open +
        code
          .split(/\n|<br\/?>/)
          .map((line, n) => `<span id="L${n + 1}"></span>${line}`)
          .join("\n") +
        close
      );
    });
  }
  page.contents = html.replace(DEFINED, (_, path: string, line: string) => {
    const to = posix.relative(posix.dirname(page.url), `source/${path}.html`);
    return `href="${to}#L${line}"`;
  });
}

const absolute = (path: string): td.NormalizedPath => td.normalizePath(join(root, path));
const inRoot = (path: string): string => relative(root, path).split(sep).join("/");

async function build(out: string): Promise<boolean> {
  const known = pages();
  const app = await td.Application.bootstrap({
    name: "munjang",
    entryPoints: [...entryPoints().keys()].map(absolute),
    tsconfig: join(root, "tsconfig.build.json"),
    readme: join(root, "README.md"),
    projectDocuments: known.map(({ path }) => absolute(path)),
    basePath: root,
    displayBasePath: root,
    out,
    router: "repository",
    includeVersion: true,
    disableGit: true,
    gitRevision: "main",
    sourceLinkTemplate: "source:{path}#L{line}",
    headings: { readme: false, document: false },
    groupOrder: [...GROUPS],
    navigation: { includeGroups: true, excludeReferences: true },
    sort: ["kind", "instance-first", "alphabetical-ignoring-documents"],
    sortEntryPoints: false,
    searchInDocuments: true,
    highlightLanguages: ["ts", "js", "json", "jsonc", "bash", "sh", "html", "python", "nginx", "scala", "toml"],
    ignoredHighlightLanguages: ["text"],
    excludeInternal: true,
    excludeExternals: true,
    intentionallyNotExported: INNER,
    validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true, notDocumented: true },
    intentionallyNotDocumented: PLAIN,
    requiredToBeDocumented: ["Class", "Function", "Interface", "TypeAlias", "Variable"],
    markdownItLoader: withoutLanguage,
    treatWarningsAsErrors: true,
    treatValidationWarningsAsErrors: true,
    logLevel: "Warn",
  });
  app.renderer.defineRouter("repository", Router);
  arrange(app, known);
  // After TypeDoc has read the README, whose links count too.
  app.converter.on(td.Converter.EVENT_RESOLVE_BEGIN, ({ project }) => addSources(project), -1000);
  app.renderer.on(td.PageEvent.END, linkLines);
  const project = await app.convert();
  if (project === undefined) return false;
  app.validate(project);
  await app.generateOutputs(project);
  return !app.logger.hasErrors() && !app.logger.hasWarnings();
}

if (!(await build(resolve(process.argv[2] ?? join(import.meta.dirname, "dist"))))) process.exitCode = 1;
