import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/* What the tests of the documents read in Markdown: files, fenced blocks, headings, links. No more of the language than stands in them. */

export const root: string = join(import.meta.dirname, "../..");

/** The Markdown files that git knows or would take, from the root. */
export function markdownFiles(): string[] {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"];
  const listed = execFileSync("git", args, { cwd: root, encoding: "utf8" }).split("\0");
  return [...new Set(listed)].filter((path) => path !== "" && existsSync(join(root, path))).sort();
}

export interface Block {
  readonly page: string;
  /** Of the fence that opens it, counted from 1. */
  readonly line: number;
  /** What stands behind the fence: `ts`, `sh`, or nothing. */
  readonly language: string;
  readonly code: string;
}

const FENCE = /^( *)(`{3,}|~{3,})([^`\n]*)\n([\s\S]*?)^\1\2[ \t]*$/gm;

export function blocksOf(page: string, text: string): Block[] {
  return Array.from(text.matchAll(FENCE), ({ index, 1: indent, 3: language, 4: code }) => ({
    page,
    line: text.slice(0, index).split("\n").length,
    language: language.trim(),
    code: code.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  }));
}

/** Text without code, with as many lines. */
export function prose(text: string): string {
  const lines = (code: string): string => code.replace(/[^\n]/g, "");
  return text.replace(FENCE, lines).replace(/(?<!`)(`+)(?!`)([\s\S]*?[^`])\1(?!`)/g, lines);
}

/** The anchors GitHub gives the headings of a page, and those written as HTML. */
export function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading] of text.replace(FENCE, "").matchAll(/^#{1,6} +(.*?) *#*$/gm)) {
    const words = heading.replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/<[^>]*>/g, "");
    const slug = words
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
      .replaceAll(" ", "-");
    let name = slug;
    for (let n = 1; anchors.has(name); n++) name = `${slug}-${n}`;
    anchors.add(name);
  }
  for (const [, id] of prose(text).matchAll(/<\w+[^>]*\s(?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/** Where a page's links, pictures and reference definitions lead, as they are written. */
export function linksOf(text: string): string[] {
  const words = prose(text);
  const patterns = [
    /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g,
    /^ {0,3}\[[^\]]+\]:\s+<?([^\s>]+)/gm,
    /<\w+[^>]*\s(?:href|src)="([^"]+)"/g,
  ];
  return patterns.flatMap((pattern) => Array.from(words.matchAll(pattern), ([, to]) => to));
}
