/** A labeller that runs a program: one process for all sources, which is started again if it crashes. */
import { basename } from "node:path";
import { parsedJson, SlmError, systemCode, throwIfInterrupted, type Progress } from "@slm/core";
import { z } from "zod";
import type { LabelAnswer, Labeller, LabelRequestOptions } from "../labeller/labeller.js";
import { commandIdentity, type CommandFile } from "./command-file.js";
import { LineProcess, type ProcessEnd } from "./line-process.js";

/** How often a source may end the program before the source is set aside. */
const MAX_ENDS = 2;
/** How many sources in a row may be set aside before the program counts as broken. */
const MAX_SET_ASIDE_IN_A_ROW = 3;
/** How many characters of a line of standard error are shown. */
const MAX_SHOWN = 1000;
/** Progress is reported after this many answers. */
const REPORT_EVERY = 100;

const jsonAnswer = z.object({
  target: z.string().nullable(),
  score: z.number().max(0).optional(),
});

/** Longest wait for an answer; it includes the program's start [ms]. */
const TIMEOUT_MS = 300_000;

export interface CommandLabellerOptions {
  readonly progress: Progress;
  /** Longest wait for an answer [ms]. Default: five minutes. */
  readonly timeoutMs?: number | undefined;
}

/** The answer in a line; undefined for none. @throws SlmError DATA_INVALID */
function readAnswer(line: string, where: string): LabelAnswer | undefined {
  const parsed = jsonAnswer.safeParse(parsedJson(line));
  if (!parsed.success)
    throw new SlmError("DATA_INVALID", `${where}: expected a line {"target": ...}, got ${quoted(line)}`);
  const { target, score } = parsed.data;
  return target === null || target === "" ? undefined : { target, score, finished: true };
}

/** A source, and how often the program ended while its answer was expected next. */
interface Pending {
  readonly line: string;
  readonly place: number;
  ends: number;
}

export class CommandLabeller implements Labeller {
  readonly name: string;
  readonly identity: string;
  readonly #file: CommandFile;
  readonly #timeoutMs: number;
  readonly #progress: Progress;
  #process: LineProcess | undefined;
  #hasAnswered = false;
  #setAsideInARow = 0;
  #setAside = 0;

  constructor(file: CommandFile, { progress, timeoutMs = TIMEOUT_MS }: CommandLabellerOptions) {
    this.name = basename(file.command[0]!);
    this.identity = commandIdentity(file);
    this.#file = file;
    this.#timeoutMs = timeoutMs;
    this.#progress = progress;
  }

  /**
   * @throws SlmError INPUT_MISSING if the program cannot be started; DATA_INVALID if it writes invalid lines, does not answer in time or
   * ends too often; INTERRUPTED
   */
  async answer(
    sources: readonly string[],
    { signal }: LabelRequestOptions,
  ): Promise<readonly (LabelAnswer | undefined)[]> {
    throwIfInterrupted(signal, "teacher");
    const answers = sources.map((): LabelAnswer | undefined => undefined);
    let rest = sources.map((source, place): Pending => ({
      line: JSON.stringify({ source }),
      place,
      ends: 0,
    }));
    const kill = (): void => {
      this.#process?.kill();
    };
    signal.addEventListener("abort", kill, { once: true });
    try {
      while (rest.length > 0) {
        rest = await this.#answerSome(rest, (place, answer) => {
          answers[place] = answer;
        });
        throwIfInterrupted(signal, "teacher");
      }
      return answers;
    } catch (error) {
      this.#process?.kill();
      this.#process = undefined;
      throwIfInterrupted(signal, "teacher");
      throw error;
    } finally {
      signal.removeEventListener("abort", kill);
    }
  }

  /** Ends the program. @throws SlmError DATA_INVALID if its exit code is not 0 */
  async close(): Promise<void> {
    const open = this.#process;
    this.#process = undefined;
    if (open === undefined) return;
    const end = await open.finish(this.#timeoutMs);
    if (open.hasLine) throw this.#failure("wrote more lines than it was sent", open);
    if (end.code !== 0) throw this.#failure(`${endText(end)} after its last answer`, open);
  }

  /** Sends sources until all are answered or the program ends. Returns the sources without an answer. */
  async #answerSome(
    pending: readonly Pending[],
    onAnswer: (place: number, answer: LabelAnswer | undefined) => void,
  ): Promise<Pending[]> {
    const { command } = this.#file;
    const running = (this.#process ??= new LineProcess({
      command,
      onStderr: (line) => {
        this.#note(printable(line));
      },
    }));
    if (running.hasLine) throw this.#failure("wrote a line before it was sent a source", running);
    const sending = new AbortController();
    const sent = (async (): Promise<void> => {
      for (const { line } of pending) {
        if (sending.signal.aborted) return;
        await running.write(line);
      }
    })();
    let done = 0;
    try {
      for (const { place } of pending) {
        const line = await running.read(this.#timeoutMs);
        if (line === undefined) break;
        onAnswer(place, readAnswer(line, `${this.name}: answer ${done + 1}`));
        done += 1;
        this.#hasAnswered = true;
        this.#setAsideInARow = 0;
        if (done % REPORT_EVERY === 0) this.#tell(`${done} of ${pending.length} answers`);
      }
    } finally {
      sending.abort();
    }
    if (done === pending.length) {
      await sent;
      return [];
    }
    return this.#afterEnd(running, pending.slice(done));
  }

  /** Called if the program ended or answered too late. Returns the remaining sources without a source that ended it too often. */
  async #afterEnd(running: LineProcess, left: Pending[]): Promise<Pending[]> {
    const isLate = !running.hasEnded;
    running.kill();
    const end = await running.ended;
    this.#process = undefined;
    if (end.failure !== undefined) throw this.#notStarted(end.failure);
    if (running.isTooLong) throw this.#failure("wrote a line that is too long", running);
    const [first, ...others] = left;
    const how = isLate ? `sent no answer for ${this.#timeoutMs / 1000} s` : endText(end);
    if (!this.#hasAnswered && isLate) throw this.#failure(how, running);
    first!.ends += 1;
    if (first!.ends < MAX_ENDS) {
      this.#note(`${how}; starting it again`);
      return left;
    }
    this.#setAside += 1;
    this.#setAsideInARow += 1;
    this.#note(
      `${how} ${MAX_ENDS} times at the source ${quoted(first!.line)}, which was set aside (${this.#setAside} so far)`,
    );
    if (this.#setAsideInARow >= MAX_SET_ASIDE_IN_A_ROW)
      throw this.#failure(`${how} at each of ${MAX_SET_ASIDE_IN_A_ROW} sources in a row`, running);
    return others;
  }

  #notStarted(cause: Error): SlmError {
    const missing = systemCode(cause) === "ENOENT";
    return new SlmError(
      "INPUT_MISSING",
      `teacher: the program ${this.name} ${missing ? "was not found" : `could not be started: ${cause.message}`}`,
      {
        context: { command: this.#file.command },
        suggestions: ["teacher.command needs a program in PATH or a path"],
        cause,
      },
    );
  }

  #failure(what: string, { stderr }: LineProcess): SlmError {
    return new SlmError("DATA_INVALID", `teacher: the program ${this.name} ${what}`, {
      context: { command: this.#file.command, ...(stderr === "" ? {} : { standardError: stderr }) },
      suggestions: [
        "the program must write its output after every line, for example with 'python3 -u', 'sed -u' or 'stdbuf -oL'",
      ],
    });
  }

  #note(message: string): void {
    this.#progress({ stage: "cache", message: `${this.name}: ${message}`, isNote: true });
  }

  #tell(message: string): void {
    this.#progress({ stage: "cache", message: `${this.name}: ${message}` });
  }
}

function endText({ code, signal }: ProcessEnd): string {
  return signal === null ? `ended with code ${String(code)}` : `was ended by ${signal}`;
}

/** A line of a program, without control characters. */
const printable = (line: string): string => line.replace(/[\p{Cc}\p{Cf}]/gu, " ").slice(0, MAX_SHOWN);

const quoted = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
