/** A text as it may stand in XML and HTML, in attributes too; characters XML has no place for become U+FFFD. */
export function escapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, (bad) => (bad === "\t" || bad === "\n" ? bad : "\ufffd"))
    .replace(/[&<>"']/g, (character) => named[character]);
}

/** JSON that may stand between `<script type="application/json">` and its end: no text can close the element. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c").replaceAll(">", "\\u003e");
}
