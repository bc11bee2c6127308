/** The command lines under "Examples:" of a help text. */
export function examplesOf(help: string): string[] {
  const [, lines = ""] = /^Examples?:\n((?: {2}.*\n?)+)/m.exec(help) ?? [];
  return lines
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}
