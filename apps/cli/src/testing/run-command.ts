/** Runs commands inside the test process, from their sources: no build and no child process. */
import { Config, type Command } from "@oclif/core";
import { captureOutput } from "@oclif/test";
import { ERROR_EXIT } from "@slm/core/errors";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { commands } from "../commands.js";

export interface CommandOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  /** The output of `--json`; null in text mode. */
  readonly json: unknown;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs `slm <id> <argv>`, or a command class of a test. @throws Error with the output, if a named command fails with UNEXPECTED */
export async function runCommand(
  command: string | Command.Class,
  argv: readonly string[],
): Promise<CommandOutcome> {
  const commandClass = typeof command === "string" ? commandNamed(command) : command;
  if (commandClass === undefined) throw new Error(`no command '${String(command)}'`);
  if (typeof command === "string") commandClass.id = command;
  const config = await loadConfig();
  process.exitCode = 0;
  const { stdout, stderr, error } = await captureOutput(() => commandClass.run([...argv], config));
  const exitCode: unknown = process.exitCode;
  process.exitCode = 0;
  if (error !== undefined) throw error;
  if (typeof exitCode !== "number") throw new Error(`expected an exit code, got ${String(exitCode)}`);
  if (typeof command === "string" && exitCode === ERROR_EXIT.UNEXPECTED) {
    throw new Error(`slm ${command} failed with a bug of slm:\n${stdout}\n${stderr}`);
  }
  return { stdout, stderr, exitCode, json: argv.includes("--json") ? JSON.parse(stdout) : null };
}

/** A command by its name or an alias. */
export const commandNamed = (name: string): Command.Class | undefined =>
  commands[name] ?? Object.values(commands).find(({ aliases }) => aliases.includes(name));

/** The package's configuration without its command table, which is in `dist/`. */
async function loadConfig(): Promise<Config> {
  const pjson = JSON.parse(
    await readFile(new URL("../../package.json", import.meta.url), "utf8"),
  ) as Config["pjson"];
  const oclif = Object.entries(pjson.oclif).filter(([field]) => field !== "commands" && field !== "plugins");
  return Config.load({ root, pjson: { ...pjson, oclif: Object.fromEntries(oclif) } });
}
