/** Progress for programs: one JSON object per line, on stderr. */
import type { ProgressUpdate } from "@slm/core";
import { describeError } from "./errors.js";
import type { SlmError } from "@slm/core/errors";
import { printableJson } from "@slm/core/format";

/** Version of the format. */
const EVENT_SCHEMA_VERSION = 1;

/** Reports the progress of a command to a user or a program. */
export interface Reporter {
  update(update: ProgressUpdate): void;
  note(text: string): void;
  finish(): void;
  /** Reports the error that ended the command. A reporter for people does nothing, because the command prints it. */
  fail?(error: SlmError): void;
}

export class EventReporter implements Reporter {
  readonly #write: (text: string) => void;
  readonly #now: () => Date;
  #stage: string | undefined;

  constructor(target: { readonly write: (text: string) => void; readonly now: () => Date }) {
    this.#write = target.write;
    this.#now = target.now;
  }

  update(update: ProgressUpdate): void {
    if (this.#stage !== update.stage) {
      this.finish();
      this.#stage = update.stage;
      this.#line("stage-started", { stage: update.stage });
    }
    this.#line("progress", { ...update });
  }

  note(text: string): void {
    this.#line("note", { text });
  }

  finish(): void {
    if (this.#stage !== undefined) this.#line("stage-ended", { stage: this.#stage });
    this.#stage = undefined;
  }

  fail(error: SlmError): void {
    this.#line("failed", { error: describeError(error) });
  }

  #line(event: string, fields: object): void {
    const time = this.#now().toISOString();
    const line = JSON.stringify({ schemaVersion: EVENT_SCHEMA_VERSION, time, event, ...fields });
    this.#write(`${printableJson(line)}\n`);
  }
}
