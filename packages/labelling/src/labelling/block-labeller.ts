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
  name: z.string(),
  sources: z.array(z.string()).min(1),
});

/** The task of a block. @param settings all settings of the cache stage */
export function encodeBlockTask(
  { name, sources }: BlockWork,
  { kind, settings }: { readonly kind: CacheRowKind; readonly settings: CacheConfig },
): Buffer {
  return Buffer.from(JSON.stringify({ kind, settings, name, sources }));
}

/** How a teacher is opened on another machine. */
type OpenOptions = Pick<OpenRequest, "directory" | "name" | "identity">;

/** A teacher that labels blocks. */
export class BlockLabeller {
  readonly #opened: OpenTeacher;
  readonly #context: OpenRequest["context"];

  private constructor(opened: OpenTeacher, context: OpenRequest["context"]) {
    this.#opened = opened;
    this.#context = context;
  }

  static async open(
    teacher: OpenOptions,
    shared: Omit<OpenRequest, keyof OpenOptions>,
  ): Promise<BlockLabeller> {
    return new BlockLabeller(await openLabellers({ ...shared, ...teacher }), shared.context);
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
    const { kind, settings, name, sources } = parseTask(task);
    const labelling = labellingOf(kind, settings, this.#opened.labeller);
    const made = await labelBlockText({ ...labelling, context: { ...this.#context, signal } }, sources);
    if (made.name !== name)
      throw new SlmError("DATA_INVALID", "cache: the teacher of this worker is not that of the run");
    return { ...made, sources: sources.length };
  }

  close(): Promise<void> {
    return this.#opened.close();
  }
}

function parseTask(task: string): z.infer<typeof taskSchema> {
  try {
    return taskSchema.parse(JSON.parse(task));
  } catch (cause) {
    throw new SlmError("DATA_INVALID", "cache: not the task of a block", { cause });
  }
}
