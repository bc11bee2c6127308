#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { mergeCommand } from "./bulk/merge.ts";
import { classifyCommand } from "./classify/command.ts";
import { clusterCommand } from "./cluster/command.ts";
import { convertCommand } from "./convert.ts";
import { demoCommand } from "./demo.ts";
import { downloadCommand } from "./download.ts";
import { embedCommand } from "./embed.ts";
import { evaluateCommand } from "./evaluate/command.ts";
import { explainCommand } from "./explain/command.ts";
import { configure, examples } from "./help.ts";
import { infoCommand } from "./info.ts";
import { Usage } from "./input.ts";
import { cannotWrite } from "./output.ts";
import { indexCommand, searchCommand } from "./search/command.ts";
import { serveCommand } from "./serve.ts";
import { similarityCommand } from "./similarity.ts";
import { columns, printable } from "./terminal.ts";
import { tokenizeCommand } from "./tokenize.ts";

/** Exit codes: 0 done, 1 it failed, 2 the command line was wrong. */
const FAILED = 1;
const MISUSED = 2;

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const program = examples(
  new Command("munjang")
    .description("Sentence embeddings, similarities and tokens from the shell. Everything is computed on this machine.")
    .version(version)
    .option("--verbose", "print the stack of an error")
    .addOption(new Option("--debug", "the same as --verbose").hideHelp()),
  [
    "munjang demo",
    'munjang similarity "잠이 온다" "졸음이 온다" "기차가 온다"',
    "munjang embed --file sentences.txt --output embeddings.npy",
    'munjang embed "안녕하세요" | head -c 100',
    'munjang tokenize "문장을 나눕니다"',
    "munjang info --check",
  ],
  "The bundled model, munjang-mini-ko, is small. Another: --model, followed by the folder of any BERT sentence-transformers model, or its name on the hub (owner/name), which is downloaded once into the cache that Python shares.",
  "Long work shows how far it is on a terminal, and nothing in a pipe. Exit codes: 0 done, 1 failed, 2 wrong usage.",
);

for (const command of [
  embedCommand(),
  mergeCommand(),
  similarityCommand(),
  tokenizeCommand(),
  explainCommand(),
  infoCommand(),
  downloadCommand(),
  convertCommand(),
  serveCommand(),
  classifyCommand(),
  clusterCommand(),
  evaluateCommand(),
  demoCommand(),
  indexCommand(),
  searchCommand(),
]) {
  program.addCommand(command);
}
const helpWidth = (): number => columns() ?? 80;
const withinOf = (command: Command): Command[] => [command, ...command.commands.flatMap(withinOf)];
for (const command of withinOf(program)) {
  command.exitOverride();
  configure(command);
  command.configureOutput({
    getOutHelpWidth: helpWidth,
    getErrHelpWidth: helpWidth,
    outputError: (text, write) => write(oneLine(text.replace(/^error: /, ""))),
  });
}

// A reader that has seen enough (`| head`) closes the pipe; that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  fail(cannotWrite("standard output", error));
  process.exit(FAILED);
});

// Nobody reads the messages any more; the work goes on.
process.stderr.on("error", () => {});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? 0 : MISUSED; // it has printed its message
  else process.exitCode = fail(error);
}

/** Prints an error, on one line unless --verbose; returns the exit code. */
function fail(error: unknown): number {
  const { verbose, debug } = program.opts<{ verbose?: boolean; debug?: boolean }>();
  if ((verbose || debug) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  else process.stderr.write(oneLine(error instanceof Error ? error.message : String(error)));
  return error instanceof Usage ? MISUSED : FAILED;
}

function oneLine(text: string): string {
  return `munjang: ${printable(text.trim().replace(/\s*[\r\n]+\s*/g, " "))}\n`;
}
