/** An append-only log of JSON lines, one per training step, that a resumed run continues without repeats or gaps. */
import { ifThere } from "./presence.js";
import { open, readFile, type FileHandle } from "node:fs/promises";
import { z } from "zod";
import { writeTextAtomic } from "./atomic-write.js";
import { writeFailure } from "../errors/file-error.js";

/** One line: a step, and numbers or texts about it. */
export type LogRecord = Readonly<Record<string, number | string | boolean | null>> & {
  readonly step: number;
};

const line = z.looseObject({ step: z.number() });

export interface JsonLogOptions {
  /** Lines after this step are removed when the log is opened, because the run resumes from this step. */
  readonly keepThroughStep?: number;
}

export class JsonLog {
  readonly path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /**
   * Opens a log for appending. Removes lines after `keepThroughStep` and a last line that a kill cut off.
   *
   * @throws SlmError OUTPUT_FAILED
   */
  static async open(path: string, options: JsonLogOptions = {}): Promise<JsonLog> {
    await writeTextAtomic(
      path,
      keptLines((await ifThere(readFile(path, "utf8"))) ?? "", options.keepThroughStep ?? 0),
    );
    return new JsonLog(path, await open(path, "a"));
  }

  /** Adds one line. @throws SlmError OUTPUT_FAILED */
  async append(record: LogRecord): Promise<void> {
    try {
      await this.#handle.appendFile(`${JSON.stringify(record)}\n`);
    } catch (error) {
      throw writeFailure(error, this.path, "earlier lines are kept");
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

function keptLines(text: string, keepThroughStep: number): string {
  const complete = text.slice(0, text.lastIndexOf("\n") + 1);
  return complete
    .split("\n")
    .filter((candidate) => candidate !== "" && stepOf(candidate) <= keepThroughStep)
    .map((kept) => `${kept}\n`)
    .join("");
}

/** The step of a line; infinite if the line is not a record, so that it is removed. */
function stepOf(candidate: string): number {
  try {
    return line.parse(JSON.parse(candidate)).step;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
