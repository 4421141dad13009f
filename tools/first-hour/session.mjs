/** A user's terminal: bash commands in one folder, recorded with their output. */
import { spawn } from "node:child_process";
import { constants } from "node:os";

/** Ends the first hour with the output of a command. */
export class StepFailed extends Error {}

/**
 * The output of a command, and its exit code.
 *
 * @typedef {{ code: number, stdout: string, stderr: string }} Done
 *
 * Called for each line of standard error. Can end the process with `interrupt`.
 * @typedef {(line: string, interrupt: () => void) => void} LineListener
 *
 * @typedef {{ cwd: string, env: NodeJS.ProcessEnv, onStderr?: LineListener | undefined }} BashOptions
 */

/**
 * Runs bash and collects what it prints.
 *
 * @returns {Promise<Done>}
 */
export async function bash(/** @type {string} */ script, /** @type {BashOptions} */ { cwd, env, onStderr }) {
  const child = spawn("bash", ["-eo", "pipefail", "-c", script], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // A group of its own, which is interrupted as a whole, as by a terminal or a CI runner.
  });
  /** @type {Promise<[code: number | null, signal: NodeJS.Signals]>} */
  const ended = new Promise((resolve) =>
    child.on("close", (...end) => resolve(/** @type {[number, NodeJS.Signals]} */ (end))),
  );
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (/** @type {Buffer} */ chunk) => (output.stdout += chunk));
  let rest = "";
  const interrupt = () => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGINT");
  };
  child.stderr.on("data", (/** @type {Buffer} */ chunk) => {
    output.stderr += chunk;
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onStderr?.(line, interrupt);
  });
  /** @type {[code: number | null, signal: NodeJS.Signals]} */
  const [code, signal] = await ended;
  // The exit code of a program that a signal ended, as a shell reports it.
  return { code: code ?? 128 + constants.signals[signal], ...output };
}

/** A session in a folder. `run` records a command, and fails if the command fails. */
export class Session {
  /** @type {{ text?: string, block?: string }[]} */
  #parts = [];

  constructor(
    /** @type {{ cwd: string, env: NodeJS.ProcessEnv, replace?: [shown: string, real: string][] }} */ {
      cwd,
      env,
      replace = [],
    },
  ) {
    this.cwd = cwd;
    this.env = env;
    /** Text on the page, and the text to run instead: a free port instead of the example's port. */
    this.replace = replace;
  }

  /** Adds a paragraph to the page. */
  say(/** @type {string} */ text) {
    this.#parts.push({ text });
  }

  /** Writes a file of the user, and shows it in a block. */
  show(/** @type {string} */ language, /** @type {string} */ text) {
    this.#parts.push({ block: `\`\`\`${language}\n${text.trimEnd()}\n\`\`\`` });
  }

  /** @returns the command's standard output */
  async run(/** @type {string} */ command) {
    const start = performance.now();
    const typed = this.replace.reduce((text, [shown, real]) => text.replaceAll(shown, real), command);
    const { code, stdout, stderr } = await bash(typed, this);
    const seconds = (performance.now() - start) / 1000;
    console.log(`${seconds.toFixed(1).padStart(6)} s  ${command}`);
    if (code !== 0) throw new StepFailed(`${command}\nexit code ${code}\n${stdout}${stderr}`);
    this.record(command, stdout);
    return stdout;
  }

  /** A command with its output. */
  record(/** @type {string} */ command, /** @type {string} */ stdout) {
    const printed = this.replace.reduce((text, [shown, real]) => text.replaceAll(real, shown), stdout);
    this.#parts.push({
      block: `\`\`\`console\n$ ${command}\n${printed.trimEnd()}\n\`\`\``.replace("\n\n```", "\n```"),
    });
  }

  /** The page in Markdown. */
  page() {
    return `${this.#parts.map(({ text, block }) => text ?? block).join("\n\n")}\n`;
  }
}

/** A page without the output of commands: the prose and commands, which are the same on every machine. */
export function withoutOutput(/** @type {string} */ page) {
  return page.replace(/```console\n(\$ [^\n]*)\n[^]*?```/g, "```console\n$1\n```");
}
