/** Labels one block of sources: the body of a job. */
import { hashFolder } from "@slm/core";
import { BlockLabeller } from "@slm/labelling";
import type { JobBody } from "@slm/extension-workers";
import { basename } from "node:path";
import { z } from "zod";
import { withLabellingJob } from "./labelling-job.js";

export const labelBlockBody: JobBody = (request) =>
  withLabellingJob(request, async ({ task, teacher, shared }) => {
    const { inputs, copies, files, signal } = request;
    const teachers = [teacher];
    for (const [index, given] of settingsOfTask.parse(JSON.parse(task)).others.entries()) {
      const directory = await copies.tree(inputs[`other-${index}`]!);
      teachers.push({ directory, name: basename(given), identity: await hashFolder(directory) });
    }
    const labeller = await BlockLabeller.open(teachers, shared);
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

/** Directories of the further teachers, as the run names them. */
const settingsOfTask = z
  .object({
    settings: z.object({
      unlabelled: z.object({ agreement: z.object({ teachers: z.array(z.string()) }).optional() }),
    }),
  })
  .transform(({ settings }) => ({ others: settings.unlabelled.agreement?.teachers ?? [] }));
