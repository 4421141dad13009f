/** One block of sources as work for another machine: its sources and all that their labels depend on besides the teachers, as JSON. */
import { SlmError } from "@slm/core";
import { z } from "zod";
import type { CacheRowKind } from "@slm/teacher";
import { cacheConfig, type CacheConfig } from "../config/cache-config.js";
import { labelBlockText, type BlockWork } from "./label-sources.js";
import { labellingOf } from "./labelling-of.js";
import { openLabellers } from "../teachers/open-labellers.js";
import type { OpenRequest, OpenTeacher } from "../teachers/open-teacher.js";

const taskSchema = z.strictObject({
  kind: z.enum(["labelled", "generated"]),
  settings: cacheConfig,
  seed: z.int(),
  name: z.string(),
  block: z.int().nonnegative(),
  sources: z
    .array(
      z.strictObject({
        source: z.string(),
        references: z.array(z.string()).optional(),
        writer: z.string().optional(),
      }),
    )
    .min(1),
});

/** The task of a block. @param settings all settings of the cache stage */
export function encodeBlockTask(
  { name, block, sources }: BlockWork,
  {
    kind,
    settings,
    seed,
  }: { readonly kind: CacheRowKind; readonly settings: CacheConfig; readonly seed: number },
): Buffer {
  return Buffer.from(JSON.stringify({ kind, settings, seed, name, block, sources }));
}

/** How a teacher is opened on another machine. */
export type OpenOptions = Pick<OpenRequest, "directory" | "name" | "identity">;

/** Teachers that label blocks. */
export class BlockLabeller {
  readonly #opened: OpenTeacher;
  readonly #others: readonly OpenTeacher[];
  readonly #context: OpenRequest["context"];

  private constructor(opened: OpenTeacher, others: readonly OpenTeacher[], context: OpenRequest["context"]) {
    this.#opened = opened;
    this.#others = others;
    this.#context = context;
  }

  /** @param teachers the run's teacher, then those that must agree with it */
  static async open(
    teachers: readonly OpenOptions[],
    shared: Omit<OpenRequest, keyof OpenOptions>,
  ): Promise<BlockLabeller> {
    const opened: OpenTeacher[] = [];
    try {
      for (const teacher of teachers) opened.push(await openLabellers({ ...shared, ...teacher }));
      const [first, ...others] = opened;
      if (first === undefined) throw new SlmError("UNEXPECTED", "cache: no teacher to label with");
      return new BlockLabeller(first, others, shared.context);
    } catch (error) {
      for (const one of opened) await one.close();
      throw error;
    }
  }

  /**
   * Labels the block of a task.
   *
   * @returns the text of the block's file, the same as on one machine
   * @throws SlmError DATA_INVALID for text that is no task, or whose labels depend on something else than here; what labellers throw
   */
  async label(
    task: string,
    signal: AbortSignal,
  ): Promise<{ readonly name: string; readonly text: string; readonly sources: number }> {
    const { kind, settings, seed, name, ...work } = parseTask(task);
    const labelling = labellingOf(kind, settings, this.#opened, this.#others);
    const made = await labelBlockText({ ...labelling, context: { ...this.#context, seed, signal } }, work);
    if (made.name !== name)
      throw new SlmError("DATA_INVALID", "cache: the teachers of this worker are not those of the run");
    return { ...made, sources: work.sources.length };
  }

  async close(): Promise<void> {
    for (const one of [this.#opened, ...this.#others]) await one.close();
  }
}

function parseTask(task: string): z.infer<typeof taskSchema> {
  try {
    return taskSchema.parse(JSON.parse(task));
  } catch (cause) {
    throw new SlmError("DATA_INVALID", "cache: not the task of a block", { cause });
  }
}
