import { lexer, type Token, type Tokens } from "marked";
import type { Section } from "./sections.ts";

/**
 * Sections of Markdown: a heading and what stands under it. Marks such as ** and link targets are left out; lines stay where they are, so that
 * a place in the text is a place in the file.
 */
export function markdownSections(text: string): Section[] {
  const lines = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n");
  const front = /^---\n[\s\S]*?\n---[^\S\n]*(?:\n|$)/.exec(lines)?.[0] ?? "";
  let line = 1 + ends(front);
  const sections: Section[] = [];
  let current = { text: "", line };
  const put = (): void => {
    if (current.text.trim() !== "") sections.push(current);
  };
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

function ends(text: string): number {
  return text.split("\n").length - 1;
}

/** Text of a block, of the same lines. */
function plainOf(token: Token): string {
  switch (token.type) {
    case "space":
      return token.raw;
    case "html":
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
      if (token.type === "html") return "";
      return inline((token as Tokens.Generic).tokens) ?? (token as Tokens.Text).text ?? token.raw;
    })
    .join("");
}
