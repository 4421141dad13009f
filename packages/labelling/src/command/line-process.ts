/**
 * A program that reads lines and writes one line for each, in order. Sending and reading overlap, so the program works on the next line
 * while its answers are read.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { systemCode } from "@slm/core";

const WINDOWS = process.platform === "win32";
/** How many characters of standard error are kept for messages. */
const KEPT_CHARACTERS = 2000;
/** Longest line to read [characters]. */
const MAX_LINE = 16 * 1024 * 1024;
/** If more lines than this are unread, the program has to wait. */
const MAX_UNREAD = 10_000;

export interface LineProcessOptions {
  readonly command: readonly string[];
  /** Called with every line of standard error. */
  readonly onStderr: (line: string) => void;
}

/** How a program ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Set if the program could not be started. */
  readonly failure?: Error | undefined;
}

export class LineProcess {
  readonly #child: ChildProcess;
  readonly #input: Writable;
  readonly #output: Readable;
  /** Resolves when the program has ended and all its output was read. */
  readonly ended: Promise<ProcessEnd>;
  #end: ProcessEnd | undefined;
  #stderr = "";
  #lines: string[] = [];
  #wake: (() => void) | undefined;
  #isTooLong = false;

  constructor({ command, onStderr }: LineProcessOptions) {
    const [program, ...args] = command;
    // In a separate process group, so that the program's children can be ended with it.
    this.#child = spawn(program!, args, {
      stdio: ["pipe", "pipe", "pipe"],
      detached: !WINDOWS,
      windowsHide: true,
    });
    const { stdin, stdout, stderr } = this.#child as { stdin: Writable; stdout: Readable; stderr: Readable };
    this.#input = stdin;
    this.#output = stdout;
    // A program that ends before it has read everything is reported by `ended`.
    stdin.on("error", () => undefined);
    this.#readLines();
    createInterface({ input: stderr, crlfDelay: Infinity }).on("line", (line) => {
      this.#stderr = `${this.#stderr}${line}\n`.slice(-KEPT_CHARACTERS);
      onStderr(line);
    });
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (failure) => {
        if (this.#child.pid === undefined) resolve({ code: null, signal: null, failure });
      });
      this.#child.once("close", (code, signal) => {
        resolve({ code, signal });
      });
    });
    void this.ended.then((end) => {
      this.#end = end;
      this.#wake?.();
    });
  }

  /** Last lines of standard error. */
  get stderr(): string {
    return this.#stderr.trim();
  }

  /** Whether it was ended because of a line that is too long. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Sends a line, and waits until the program has read enough of the earlier lines. */
  async write(line: string): Promise<void> {
    if (this.#end !== undefined || this.#input.write(`${line}\n`)) return;
    await Promise.race([new Promise((resolve) => this.#input.once("drain", resolve)), this.ended]);
  }

  /** The next line of the program; undefined if there is none by `deadlineMs`, or it has ended. */
  async read(deadlineMs: number): Promise<string | undefined> {
    if (this.#lines.length === 0 && this.#end === undefined) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, deadlineMs);
      });
      clearTimeout(timer);
      this.#wake = undefined;
    }
    if (this.#lines.length <= MAX_UNREAD) this.#output.resume();
    return this.#lines.shift();
  }

  /** Whether the program wrote a line that was not read yet. */
  get hasLine(): boolean {
    return this.#lines.length > 0;
  }

  /** Ends the input and waits for the program. If it does not end by itself, it is killed after `deadlineMs`. */
  async finish(deadlineMs: number): Promise<ProcessEnd> {
    this.#input.end();
    const timer = setTimeout(() => {
      this.kill();
    }, deadlineMs);
    const end = await this.ended;
    clearTimeout(timer);
    return end;
  }

  /** Ends the program and its children. */
  kill(): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#end !== undefined) return;
    if (WINDOWS) {
      spawn("taskkill", ["/pid", String(pid), "/T", "/F"], { stdio: "ignore", windowsHide: true });
      return;
    }
    try {
      process.kill(-pid, "SIGKILL");
    } catch (error) {
      if (systemCode(error) !== "ESRCH") throw error; // It has ended in the meantime.
    }
  }

  #readLines(): void {
    let rest = "";
    this.#output.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      if (rest.length > MAX_LINE) {
        this.#isTooLong = true;
        this.kill();
        return;
      }
      for (const line of lines) this.#lines.push(line.replace(/\r$/u, ""));
      if (this.#lines.length > MAX_UNREAD) this.#output.pause();
      if (lines.length > 0) this.#wake?.();
    });
  }
}
