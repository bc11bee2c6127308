import { lexer, type Token, type Tokens } from "marked";
import type { Section } from "./sections.ts";

/**
 * Sections of Markdown: a heading and what stands under it. Marks such as **, link targets, and the tags of HTML are left out; lines stay where
 * they are, so that a place in the text is a place in the file. What front matter names as title, description and tags is a section of its own.
 */
export function markdownSections(text: string): Section[] {
  const lines = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
  const front = FRONT_MATTER.exec(lines)?.[0] ?? "";
  const sections: Section[] = [];
  let current = { text: told(front), line: 1 };
  let line = 1 + ends(front);
  const put = (): void => {
    if (current.text.trim() !== "") sections.push(current);
  };
  put();
  current = { text: "", line };
  for (const token of lexer(lines.slice(front.length))) {
    if (token.type === "heading") {
      put();
      current = { text: "", line };
    }
    const plain = plainOf(token);
    // As many lines as the source has, blank ones at the end.
    const missing = ends(token.raw) - ends(plain);
    current.text += plain + "\n".repeat(Math.max(0, missing));
    line += ends(token.raw);
  }
  put();
  return sections;
}

/** YAML between two lines of three dashes. Other text between such lines is text. */
const FRONT_MATTER = /^---\n(?=\s*(?:#|[\p{L}\p{N}_-]+[^\S\n]*:))[\s\S]*?\n---[^\S\n]*(?:\n|$)/u;

/** What front matter says to a reader, every line where it was: text, not the rest of YAML. */
function told(front: string): string {
  let reads = false;
  const lines = front.split("\n").map((line) => {
    const [, key, value] = /^([\p{L}\p{N}_-]+)[^\S\n]*:(.*)$/u.exec(line) ?? [];
    if (key !== undefined) reads = /^(?:title|description|tags)$/i.test(key);
    else if (/^(?:---|#)/.test(line)) return "";
    if (!reads) return "";
    const item = (value ?? line.replace(/^\s*-\s/, "")).trim();
    if (key !== undefined && /^[>|][-+\d]*$/.test(item)) return ""; // the text begins in the next line
    return item.replace(/^\[(.*)\]$/, "$1").replace(/^(["'])(.*)\1$/, "$2");
  });
  return lines.join("\n");
}

function ends(text: string): number {
  return text.split("\n").length - 1;
}

/** Text of a block, of the same lines. */
function plainOf(token: Token): string {
  switch (token.type) {
    case "space":
      return token.raw;
    case "html":
      return visible(token.raw);
    case "def":
    case "hr":
      return ""; // nothing a reader sees
    case "code": {
      const fenced = /^ {0,3}(?:`{3}|~{3})/.test(token.raw);
      return `${fenced ? "\n" : ""}${(token as Tokens.Code).text}`;
    }
    case "table":
      return token.raw.replace(/^[ |:-]+$/gm, "").replace(/[|]/g, " ");
    case "list":
      return (token as Tokens.List).items.map((item) => padded(item.raw, inner(item.tokens))).join("");
    case "blockquote":
      return padded(token.raw, inner((token as Tokens.Blockquote).tokens));
    default:
      return inline((token as Tokens.Generic).tokens) ?? token.raw;
  }
}

function padded(raw: string, plain: string): string {
  return plain + "\n".repeat(Math.max(0, ends(raw) - ends(plain)));
}

function inner(tokens: readonly Token[]): string {
  return tokens
    .map((token) =>
      padded(token.raw, token.type === "text" ? (inline((token as Tokens.Text).tokens) ?? token.raw) : plainOf(token)),
    )
    .join("");
}

function inline(tokens: readonly Token[] | undefined): string | undefined {
  return tokens
    ?.map((token): string => {
      if (token.type === "br") return "\n";
      if (token.type === "image" || token.type === "codespan" || token.type === "escape")
        return (token as Tokens.Text).text;
      if (token.type === "html") return visible(token.raw);
      return inline((token as Tokens.Generic).tokens) ?? (token as Tokens.Text).text ?? token.raw;
    })
    .join("");
}

/** Tags that stand inside words: 것<b>이</b>다 is one. */
const INSIDE = /^<\/?(?:a|abbr|b|big|code|del|em|font|i|ins|kbd|mark|q|s|small|span|strong|sub|sup|tt|u|var|wbr)\b/i;

/** What a reader sees of HTML, of the same lines. */
function visible(html: string): string {
  const gone = (what: string): string => "\n".repeat(ends(what));
  return html
    .replace(/<!--[\s\S]*?(?:-->|$)/g, gone)
    .replace(/<(script|style)\b[\s\S]*?(?:<\/\1\s*>|$)/gi, gone)
    .replace(/<[/!?]?[a-z](?:"[^"]*"|'[^']*'|[^'">])*>/gi, (tag) => gone(tag) || (INSIDE.test(tag) ? "" : " "));
}
