/** One round of texts to write as work for another machine: its prompts and all that its texts depend on besides the teacher, as JSON. */
import { SlmError } from "@slm/core";
import { z } from "zod";
import { cacheConfig, type CacheConfig } from "../config/cache-config.js";
import type { OpenOptions } from "./block-labeller.js";
import { openLabellers } from "../teachers/open-labellers.js";
import type { OpenRequest, OpenTeacher } from "../teachers/open-teacher.js";
import { labellingDecoding } from "../selection/selection.js";
import { roundName, writeRound, type RoundWork } from "./write-sources.js";

const taskSchema = z.strictObject({
  settings: cacheConfig,
  seed: z.int(),
  name: z.string(),
  number: z.int().nonnegative(),
  prompts: z.array(z.string()).min(1),
});

/** The task of a round. @param settings all settings of the cache stage */
export function encodeRoundTask(
  { name, number, prompts }: RoundWork,
  { settings, seed }: { readonly settings: CacheConfig; readonly seed: number },
): Buffer {
  return Buffer.from(JSON.stringify({ settings, seed, name, number, prompts }));
}

/** A teacher that writes rounds. */
export class RoundWriter {
  readonly #opened: OpenTeacher;
  readonly #context: OpenRequest["context"];

  private constructor(opened: OpenTeacher, context: OpenRequest["context"]) {
    this.#opened = opened;
    this.#context = context;
  }

  static async open(
    teacher: OpenOptions,
    shared: Omit<OpenRequest, keyof OpenOptions>,
  ): Promise<RoundWriter> {
    return new RoundWriter(await openLabellers({ ...shared, ...teacher }), shared.context);
  }

  /**
   * Writes the round of a task.
   *
   * @throws SlmError DATA_INVALID for text that is no task, or whose texts depend on something else than here; what labellers throw
   */
  async write(
    task: string,
    signal: AbortSignal,
  ): Promise<{ readonly name: string; readonly texts: readonly string[] }> {
    const { settings, seed, name, ...work } = parseTask(task);
    const { synthetic, unlabelled } = settings;
    if (synthetic === undefined)
      throw new SlmError("DATA_INVALID", "cache: a round without settings of synthetic sources");
    const request = {
      settings: synthetic,
      labeller: this.#opened.labeller(labellingDecoding(unlabelled)),
      context: { ...this.#context, seed, signal },
    };
    if (roundName(request, work) !== name)
      throw new SlmError("DATA_INVALID", "cache: the teacher of this worker is not that of the run");
    return { name, texts: await writeRound(request, work) };
  }

  close(): Promise<void> {
    return this.#opened.close();
  }
}

function parseTask(task: string): z.infer<typeof taskSchema> {
  try {
    return taskSchema.parse(JSON.parse(task));
  } catch (cause) {
    throw new SlmError("DATA_INVALID", "cache: not the task of a round", { cause });
  }
}
