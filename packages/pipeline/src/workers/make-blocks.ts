/** Makes the blocks of a labelling on workers. */
import { encodeBlockTask, type BlockMaker } from "@slm/labelling";
import { type CacheRowKind } from "@slm/teacher";
import type { JobRunner } from "@slm/extension-workers";
import { JOB_KINDS } from "./job-kinds.js";
import { runLabelling, type LabellingOptions } from "./labelling-run.js";

/** Makes blocks on the workers of a queue. @throws SlmError as `BlockMaker`, and if a job failed in all attempts */
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
