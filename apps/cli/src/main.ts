/** Runs the command line. Errors before a command starts (unknown names, bad help subjects) are reported here. */
import { Errors, run } from "@oclif/core";
import { fileURLToPath } from "node:url";
import { describeError, errorLines, toSlmError } from "./ui/errors.js";
import { paintFor } from "./ui/paint.js";
import { unknownCommand } from "./ui/unknown-command.js";
import { jsonText } from "@slm/core/format";
import { JSON_SCHEMA_VERSION } from "./ui/slm-command.js";

const PACKAGE_ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Runs one command and sets the exit code of the process. Never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  // `slm ... | head` closes stdout early, which is not an error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
    throw error;
  });
  try {
    await run([...argv], { root: PACKAGE_ROOT });
  } catch (error) {
    if (error instanceof Errors.ExitError) process.exitCode = error.oclif.exit ?? 0;
    else await report(error, argv);
  }
}

async function report(thrown: unknown, argv: readonly string[]): Promise<void> {
  const words = typedCommand(argv);
  const error = isUnknownCommand(thrown) ? unknownCommand(words, await commandIds()) : toSlmError(thrown, "");
  process.exitCode = error.exitCode;
  if (argv.includes("--json")) {
    const envelope = { schemaVersion: JSON_SCHEMA_VERSION, command: words, error: describeError(error) };
    process.stdout.write(`${jsonText(envelope)}\n`);
  } else {
    const debug = argv.includes("--debug") || process.env.SLM_DEBUG !== undefined;
    process.stderr.write(`${errorLines(error, debug, paintFor(process.stderr)).join("\n")}\n`);
  }
}

async function commandIds(): Promise<readonly string[]> {
  return Object.keys((await import("./commands.js")).commands);
}

/** The words before the first flag that may be the name of a command. */
function typedCommand(argv: readonly string[]): string {
  const words = argv[0] === "help" ? argv.slice(1) : argv;
  const end = words.findIndex((word) => word.startsWith("-"));
  return (end === -1 ? words : words.slice(0, end)).join(" ");
}

function isUnknownCommand(error: unknown): boolean {
  return (
    error instanceof Errors.CLIError && /^command .* not found\.?$/i.test(error.message.replaceAll("\n", " "))
  );
}
