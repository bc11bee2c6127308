import type { Command } from "commander";
import { widthOf, wrap } from "./terminal.ts";

/** Puts examples behind a command's help, and what else is to be known; prose is cut to the terminal, examples stay whole. */
export function examples(command: Command, lines: readonly string[], ...notes: string[]): Command {
  return command.addHelpText("after", () => {
    const paragraphs = notes.map((note) => `\n${wrap(note)}\n`);
    const title = lines.length === 1 ? "Example" : "Examples";
    return `\n${title}:\n${lines.map((line) => `  ${line}\n`).join("")}${paragraphs.join("")}`.trimEnd();
  });
}

/** Help that counts columns as terminals do, and names the options of `munjang` itself under every command. */
export function configure(command: Command): void {
  command.configureHelp({
    displayWidth: widthOf,
    showGlobalOptions: true,
    minWidthToWrap: 20, // of a column; so that a terminal of 60 has no longer lines
    subcommandTerm: (subcommand) => subcommand.name(),
  });
}
