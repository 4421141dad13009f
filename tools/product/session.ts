/** A user's terminal: bash commands in one folder, recorded with their output. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { printTime } from "../lib/steps.js";

interface BashOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Called with all of standard error so far. `interrupt` ends the process. */
  readonly onStderr?: (said: string, interrupt: () => void) => void;
}

/** The output of a command, and its exit code. */
interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs bash and collects what it prints. */
export async function bash(script: string, { cwd, env, onStderr }: BashOptions): Promise<Done> {
  const child = spawn("bash", ["-eo", "pipefail", "-c", script], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // A group of its own, which is interrupted as a whole, as by a terminal or a CI runner.
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    onStderr?.(stderr, () => process.kill(-child.pid!, "SIGINT"));
  });
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals];
  // The exit code of a program that a signal ended, as a shell reports it.
  return { code: code ?? 128 + constants.signals[signal], stdout, stderr };
}

/** A session in a folder. `run` records a command, and fails if the command fails. */
export class Session {
  readonly #parts: string[] = [];
  readonly #options: BashOptions;
  readonly #replace: readonly (readonly [shown: string, real: string])[];

  /** @param replace text on the page, and the text to run instead: a free port instead of the example's port */
  constructor(options: BashOptions, replace: readonly (readonly [shown: string, real: string])[]) {
    this.#options = options;
    this.#replace = replace;
  }

  /** Adds a paragraph to the page. */
  say(text: string): void {
    this.#parts.push(text);
  }

  /** Shows a text in a block. */
  show(language: string, text: string): void {
    this.#parts.push(`\`\`\`${language}\n${text.trimEnd()}\n\`\`\``);
  }

  /** Runs a command. @returns its standard output */
  async run(command: string): Promise<string> {
    const start = performance.now();
    const { code, stdout, stderr } = await this.start(command);
    printTime(start, command);
    if (code !== 0) throw new Error(`${command}\nexit code ${code}\n${stdout}${stderr}`);
    this.record(command, stdout);
    return stdout;
  }

  /** Runs a command without recording it. */
  start(command: string, onStderr?: BashOptions["onStderr"]): Promise<Done> {
    const typed = this.#replace.reduce((text, [shown, real]) => text.replaceAll(shown, real), command);
    return bash(typed, { ...this.#options, ...(onStderr === undefined ? {} : { onStderr }) });
  }

  /** A command with its output. */
  record(command: string, stdout: string): void {
    const printed = this.#replace.reduce((text, [shown, real]) => text.replaceAll(real, shown), stdout);
    this.show("console", `$ ${command}\n${printed}`);
  }

  /** The page in Markdown. */
  page(): string {
    return `${this.#parts.join("\n\n")}\n`;
  }
}

/** A page without the output of commands: the prose and commands, which are the same on every machine. */
export const withoutOutput = (page: string): string =>
  page.replace(/```console\n(\$ [^\n]*)\n[^]*?```/g, "```console\n$1\n```");
