/** Labels with a server on loopback, like the cache stage. */
import { join } from "node:path";
import type { ProgressUpdate, SlmError } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import { afterEach, beforeEach } from "vitest";
import { teacherConfig } from "../teacher-config.js";
import type { ApiTeacherConfig } from "../api/api-config.js";
import { apiFileOf, writeApiFile } from "../api/api-file.js";
import type { LabelAnswer, LabelRequestOptions } from "../labeller/labeller.js";
import { openLabeller } from "../teachers/open-labeller.js";
import { startFakeApi, type Answering, type FakeApi } from "./fake-api.test-support.js";

export interface Labelled {
  readonly answers: readonly (LabelAnswer | undefined)[];
  readonly told: readonly ProgressUpdate[];
}

export const targetsOf = ({ answers }: Labelled): unknown[] => answers.map((answer) => answer?.target);

export const failureOf = (work: Promise<unknown>): Promise<SlmError> =>
  work.then(
    () => Promise.reject(new Error("expected a failure")),
    (error: unknown) => error as SlmError,
  );

/** A server and a folder for each test. */
export class ApiFixture {
  readonly root = temporaryFolder({ each: true });
  api!: FakeApi;

  constructor() {
    beforeEach(async () => {
      this.api = await startFakeApi();
    });
    afterEach(() => this.api.close());
  }

  get answersDirectory(): string {
    return join(this.root, "answers");
  }

  settingsOf(changes: object = {}): ApiTeacherConfig {
    const settings = { kind: "api", baseUrl: this.api.baseUrl, model: "tiny", ...changes };
    return teacherConfig.parse(settings) as ApiTeacherConfig;
  }

  /** Writes a teacher's directory, opens the teacher and labels. */
  async label(
    sources: readonly string[],
    changes: object = {},
    options: Partial<LabelRequestOptions> & {
      readonly answering?: Answering;
      readonly retries?: number;
      readonly silenceMs?: number;
    } = {},
  ): Promise<Labelled> {
    if (options.answering !== undefined) this.api.answering = options.answering;
    await writeApiFile(this.root, apiFileOf(this.settingsOf(changes), []));
    const told: ProgressUpdate[] = [];
    const labeller = await openLabeller(this.root, {
      progress: (update) => told.push(update),
      answersDirectory: this.answersDirectory,
      firstPauseMs: 1,
      retries: options.retries,
      silenceMs: options.silenceMs,
    });
    try {
      const answers = await labeller!.answer(sources, {
        signal: options.signal ?? new AbortController().signal,
      });
      return { answers, told };
    } finally {
      await labeller!.close();
    }
  }
}
