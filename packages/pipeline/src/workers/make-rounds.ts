/** Has the sources that a teacher writes written by workers, a round of prompts in each job. */
import { encodeRoundTask, type WritingMaker } from "@slm/labelling";
import type { JobRunner } from "@slm/extension-workers";
import { z } from "zod";
import { JOB_KINDS } from "./job-kinds.js";
import { readSent } from "./read-sent.js";
import { runLabelling, type LabellingOptions } from "./labelling-run.js";

const textsSchema = z.array(z.string());

/** Rounds by the workers of a queue. @throws SlmError as `WritingMaker`, and that of a job that failed in all its tries */
export function writingMaker(runner: JobRunner, options: LabellingOptions): WritingMaker {
  const { settings } = options;
  return {
    make: ({ rounds, accept, signal, seed }) =>
      runLabelling(runner, options, {
        word: "write",
        dependsOn: { settings, seed },
        title: "new sources",
        works: rounds,
        jobOf: (work) => ({
          id: `round-${work.number}`,
          kind: JOB_KINDS.writingRound,
          units: work.prompts.length,
          task: encodeRoundTask(work, { settings, seed }),
        }),
        output: "texts",
        accept: (name, bytes) =>
          accept(name, readSent(textsSchema, bytes, "cache: not the texts of a round")),
        signal,
      }),
  };
}
