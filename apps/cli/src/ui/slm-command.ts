/**
 * Base class of every command. It gives all commands the same JSON envelope and exit codes, and writes the result to stdout, progress
 * and notes to stderr.
 */
import { Command, Flags } from "@oclif/core";
import type { StageContext } from "@slm/core";
import { describeError, errorLines, toSlmError } from "./errors.js";
import { useConfigFile } from "@slm/slm/extensions/use-config-file";
import { GateFailed, INTERRUPTED_EXIT, SlmError } from "@slm/core/errors";
import { EventReporter, type Reporter } from "./event-reporter.js";
import type { WorkOptions } from "@slm/core/work";
import { paintFor } from "./paint.js";
import { jsonText } from "@slm/core/format";
import { printable } from "@slm/core/format";
import { ProgressReporter } from "./progress-reporter.js";

// SIGINT and SIGTERM set an abort signal: on the first, stages save and stop; the second ends the process.

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Two signals within this time count as one, because npx forwards Ctrl-C to a program that the terminal already signalled [ms]. */
const ONE_SIGNAL_MS = 500;

interface Interruption {
  readonly signal: AbortSignal;
  /** Stops listening. */
  readonly dispose: () => void;
}

/** Listens until disposed. @param onFirst called on the first signal, to tell the user that stopping takes a moment */
function listenForInterruption(onFirst: (signal: NodeJS.Signals) => void): Interruption {
  const controller = new AbortController();
  let first = 0;
  const listener = (signal: NodeJS.Signals): void => {
    if (controller.signal.aborted) {
      if (performance.now() - first < ONE_SIGNAL_MS) return;
      // An immediate exit is safe, because the files on disk are valid at any time.
      process.exit(INTERRUPTED_EXIT);
    }
    first = performance.now();
    onFirst(signal);
    controller.abort(
      new SlmError("INTERRUPTED", `interrupted by ${signal}; the state on disk is valid`, {
        suggestions: ["run the same command again to resume"],
      }),
    );
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}

/** What a resumable command does after the first signal. */
export const SAVING = "saving the state and stopping";

/** Version of the envelope that `--json` prints. */
export const JSON_SCHEMA_VERSION = 1;

export abstract class SlmCommand<Result extends object> extends Command {
  static override enableJsonFlag = true;
  static override baseFlags = {
    quiet: Flags.boolean({ summary: "Hide progress.", helpGroup: "GLOBAL" }),
    events: Flags.boolean({
      summary: "Write progress as JSON lines to stderr, for programs.",
      exclusive: ["quiet"],
      helpGroup: "GLOBAL",
    }),
    debug: Flags.boolean({ summary: "Show stack traces of errors.", env: "SLM_DEBUG", helpGroup: "GLOBAL" }),
  };

  /** What the command does after the first signal, shown to the waiting user. */
  protected readonly stopping: string = "stopping";

  #interruption: Interruption | undefined;
  #reporter: Reporter | undefined;

  /** Parses flags, calls one library function, and returns its report. A {@link GateFailed} contains the report of a failed check. */
  protected abstract execute(): Promise<Result>;

  /** The text output for stdout. The last line is the path of the artifact, for use in scripts. */
  protected abstract lines(result: Result): readonly string[];

  override async run(): Promise<Result> {
    this.#reporter = this.hasFlag("--quiet") ? undefined : this.newReporter();
    this.#interruption = listenForInterruption((signal) => {
      this.note(`${signal}: ${this.stopping} (a second signal stops at once)`);
    });
    await useConfigFile(process.cwd(), (text) => {
      this.note(text);
    });
    const result = await this.execute();
    this.#reporter?.finish();
    if (!this.jsonEnabled()) this.printLines(result);
    return result;
  }

  /** Escapes a line of the result for printing. */
  protected shown(line: string): string {
    return printable(line);
  }

  /** Options that connect the library's progress events and abort signal to this command. */
  protected get work(): Required<WorkOptions> {
    return {
      signal: this.signal,
      onEvent: (event) => {
        if (event.kind === "note") this.note(event.text);
        else this.#reporter?.update(event.update);
      },
    };
  }

  /** The context of a stage: progress, abort signal and seed. */
  protected context(seed: number): StageContext {
    return {
      seed,
      signal: this.signal,
      progress: (update) => this.#reporter?.update(update),
    };
  }

  protected get signal(): AbortSignal {
    return this.#interruption?.signal ?? new AbortController().signal;
  }

  /** Prints a note on stderr; `--quiet` hides it. */
  protected note(text: string): void {
    this.#reporter?.note(text);
  }

  protected override catch(thrown: Error): Promise<void> {
    this.parsed = true; // Otherwise oclif warns in development and tests that rejected arguments were not parsed.
    this.#reporter?.finish();
    const error = toSlmError(thrown, this.commandWords, this.#interruption?.signal);
    process.exitCode = error.exitCode;
    this.#reporter?.fail?.(error);
    if (this.jsonEnabled()) {
      this.logJson(this.toErrorJson(error));
    } else {
      if (error instanceof GateFailed) this.printLines(error.result as Result);
      const debug = this.hasFlag("--debug") || isSet(process.env.SLM_DEBUG);
      process.stderr.write(`${errorLines(error, debug, paintFor(process.stderr)).join("\n")}\n`);
    }
    return Promise.resolve();
  }

  protected override finally(): Promise<void> {
    this.#interruption?.dispose();
    return Promise.resolve();
  }

  protected override toSuccessJson(result: unknown): object {
    return { schemaVersion: JSON_SCHEMA_VERSION, command: this.commandWords, result };
  }

  protected override toErrorJson(thrown: unknown): object {
    const error = toSlmError(thrown, this.commandWords);
    return {
      schemaVersion: JSON_SCHEMA_VERSION,
      command: this.commandWords,
      ...(error instanceof GateFailed ? { result: error.result } : {}),
      error: describeError(error),
    };
  }

  override logJson(json: unknown): void {
    process.stdout.write(`${jsonText(json)}\n`);
  }

  private newReporter(): Reporter {
    const write = (text: string): void => void process.stderr.write(text);
    if (this.hasFlag("--events")) return new EventReporter({ write, now: () => new Date() });
    const { columns } = process.stderr;
    const isTty = process.stderr.isTTY && process.env.TERM !== "dumb";
    return new ProgressReporter({ isTty, columns, write, now: () => performance.now() });
  }

  private printLines(result: Result): void {
    process.stdout.write(
      this.lines(result)
        .map((line) => `${this.shown(line)}\n`)
        .join(""),
    );
  }

  private get commandWords(): string {
    return (this.id ?? "").replaceAll(":", " ");
  }

  /** Whether a boolean flag was given. Also works after a failure to parse the flags. */
  private hasFlag(flag: string): boolean {
    const end = this.argv.indexOf("--");
    return (end === -1 ? this.argv : this.argv.slice(0, end)).includes(flag);
  }
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}
