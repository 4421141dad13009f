/** The body of a job that labels one block of sources. */
import { BlockLabeller } from "@slm/labelling";
import type { JobBody } from "@slm/extension-workers";
import { withLabellingJob } from "./labelling-job.js";

export const labelBlockBody: JobBody = ({ files, signal, ...request }) =>
  withLabellingJob({ files, signal, ...request }, async ({ task, teacher, shared }) => {
    const labeller = await BlockLabeller.open(teacher, shared);
    try {
      const { text, sources, name } = await labeller.label(task, signal);
      return {
        outputs: { block: await files.putBytes(Buffer.from(text)) },
        facts: { name },
        units: sources,
      };
    } finally {
      await labeller.close();
    }
  });
