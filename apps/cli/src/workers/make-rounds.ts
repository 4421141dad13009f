/** Has the sources that a teacher writes written by workers, a round of prompts in each job. */
import { hashJson, SlmError } from "@slm/core";
import { encodeRoundTask, type WritingMaker } from "@slm/teacher";
import { failureError, type FileRef, type JobRunner, type JobSpec } from "@slm/workers";
import { z } from "zod";
import { JOB_KINDS } from "./job-kinds.js";
import type { BlockMakerOptions } from "./make-blocks.js";

/** Rounds by the workers of a queue. @throws SlmError as `WritingMaker`, and that of a job that failed in all its tries */
export function writingMaker(runner: JobRunner, options: BlockMakerOptions): WritingMaker {
  return {
    make: async ({ rounds, accept, signal, seed }) => {
      const { settings, teacherName: name, identity, engine, progress, budget } = options;
      const run = `write-${hashJson({ settings, seed, name, identity, engine }).slice(0, 32)}`;
      const note = (message: string): void => {
        progress({ stage: "cache", message, isNote: true });
      };
      let trees: Readonly<Record<string, FileRef>> | undefined;
      const jobs = rounds.map((work): JobSpec => ({
        id: `round-${work.number}`,
        kind: JOB_KINDS.writingRound,
        units: work.prompts.length,
        message: async (files) => {
          trees ??= {
            teacher: await files.putTree(options.teacherDirectory),
            tokenizer: await files.putTree(options.tokenizerDirectory),
          };
          const task = await files.putBytes(encodeRoundTask(work, { settings, seed }));
          return { inputs: { ...trees, task }, settings: { engine, name, identity, budget } };
        },
      }));
      const failed = await runner.run(
        jobs,
        { run, title: "new sources", signal, note },
        async (_job, result, files) => {
          const { name: file } = result.facts;
          if (typeof file !== "string")
            throw new SlmError("DATA_INVALID", "cache: a worker did not name its round");
          await accept(file, readTexts(await files.getBytes(result.outputs["texts"]!)));
        },
      );
      await runner.end(run);
      if (failed.length > 0) throw failureError(failed[0]!);
    },
  };
}

const textsSchema = z.array(z.string());

function readTexts(bytes: Buffer): readonly string[] {
  try {
    return textsSchema.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new SlmError("DATA_INVALID", "cache: not the texts of a round", { cause });
  }
}
