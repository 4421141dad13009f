/** Has the blocks of a labelling made by workers. */
import { encodeBlockTask, type BlockMaker } from "@slm/labelling";
import { type CacheRowKind } from "@slm/teacher";
import type { JobRunner } from "@slm/extension-workers";
import { JOB_KINDS } from "./job-kinds.js";
import { runLabelling, type LabellingOptions } from "./labelling-run.js";

/** Blocks by the workers of a queue. @throws SlmError as `BlockMaker`, and that of a job that failed in all its tries */
export function blockMaker(runner: JobRunner, options: LabellingOptions, kind: CacheRowKind): BlockMaker {
  const { settings } = options;
  return {
    make: ({ blocks, accept, signal }) =>
      runLabelling(runner, options, {
        word: "label",
        dependsOn: { kind, settings },
        title: `labels (${kind})`,
        works: blocks,
        jobOf: (work) => ({
          id: `block-${work.block}`,
          kind: JOB_KINDS.labelBlock,
          units: work.sources.length,
          task: encodeBlockTask(work, { kind, settings }),
        }),
        output: "block",
        accept: (name, bytes) => accept(name, bytes.toString("utf8")),
        signal,
      }),
  };
}
