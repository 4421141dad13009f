/** Labels one block of sources: the body of a job. */
import { hashFolder, SILENT } from "@slm/core";
import { BlockLabeller } from "@slm/teacher";
import type { JobBody } from "@slm/workers";
import { basename } from "node:path";
import { z } from "zod";
import { ENGINES } from "../compute/compute.js";
import { withEngine } from "../compute/open-engine.js";
import { shareApi } from "./share-api.js";

const settingsSchema = z.strictObject({
  engine: z.enum(ENGINES),
  name: z.string(),
  identity: z.string(),
  budget: z.string(),
});

export const labelBlockBody: JobBody = async ({
  inputs,
  settings,
  files,
  copies,
  threads,
  redis,
  signal,
}) => {
  const { engine: engineName, name, identity, budget } = settingsSchema.parse(settings);
  const task = (await files.getBytes(inputs["task"]!)).toString("utf8");
  const { others } = settingsOfTask.parse(JSON.parse(task));
  const teachers = [{ directory: await copies.tree(inputs["teacher"]!), name, identity }];
  for (const [index, given] of others.entries()) {
    const directory = await copies.tree(inputs[`other-${index}`]!);
    teachers.push({ directory, name: basename(given), identity: await hashFolder(directory) });
  }
  const tokenizerDirectory = await copies.tree(inputs["tokenizer"]!);
  const shared = shareApi(redis, files.store, budget);
  try {
    return await withEngine({ engine: engineName, threads }, async (engine) => {
      const context = { progress: SILENT, signal, seed: 0 };
      const { sharing } = shared;
      const labeller = await BlockLabeller.open(teachers, { tokenizerDirectory, engine, context, sharing });
      try {
        const { text, sources, name: block } = await labeller.label(task, signal);
        return {
          outputs: { block: await files.putBytes(Buffer.from(text)) },
          facts: { name: block },
          units: sources,
        };
      } finally {
        await labeller.close();
      }
    });
  } finally {
    shared.close();
  }
};

/** Directories of the further teachers, as the run names them. */
const settingsOfTask = z
  .object({
    settings: z.object({
      unlabelled: z.object({ agreement: z.object({ teachers: z.array(z.string()) }).optional() }),
    }),
  })
  .transform(({ settings }) => ({ others: settings.unlabelled.agreement?.teachers ?? [] }));
