/** Writes one round of new sources: the body of a job. */
import { RoundWriter } from "@slm/labelling";
import type { JobBody } from "@slm/extension-workers";
import { withLabellingJob } from "./labelling-job.js";

export const writingRoundBody: JobBody = (request) =>
  withLabellingJob(request, async ({ task, teacher, shared }) => {
    const writer = await RoundWriter.open(teacher, shared);
    try {
      const { name, texts } = await writer.write(task, request.signal);
      return {
        outputs: { texts: await request.files.putBytes(Buffer.from(JSON.stringify(texts))) },
        facts: { name },
        units: texts.length,
      };
    } finally {
      await writer.close();
    }
  });
