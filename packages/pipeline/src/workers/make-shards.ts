/** Makes the shards of a cache on workers. */
import { hashJson, SlmError, type StageContext } from "@slm/core";
import type { ShardMaker, ShardWork, UnscoredPair } from "@slm/teacher";
import type { FailedJob, FileRef, JobRunner, JobSpec, RunOptions } from "@slm/extension-workers";
import { failureError } from "@slm/extension-workers/references";
import type { EngineName } from "@slm/tensor";
import { JOB_KINDS } from "./job-kinds.js";
import { runOptions } from "./run-options.js";

/** How often a whole shard is tried again if none of its pairs fails alone. */
const WHOLE_TRIES = 3;
/** If more pairs than this cannot be scored, the pairs are not the cause. */
const MOST_UNSCORED = 100;

export interface ShardMakerOptions {
  readonly teacherDirectory: string;
  readonly engine: EngineName;
  readonly progress: StageContext["progress"];
}

type Make = Parameters<ShardMaker["make"]>[0];

/** Makes shards on the workers of a queue. @throws SlmError as `ShardMaker`, and if a job failed for a reason other than its rows */
export function shardMaker(runner: JobRunner, options: ShardMakerOptions): ShardMaker {
  return {
    make: async (request) => {
      if (request.shards.length > 0) await new ShardRun(runner, options, request).make();
    },
  };
}

/** A shard, or a part of one, as a job. */
interface Part {
  readonly id: string;
  readonly work: ShardWork;
  /** The pairs to score. Absent: all pairs of the shard. */
  readonly only?: readonly string[] | undefined;
}

class ShardRun {
  readonly #runner: JobRunner;
  readonly #options: ShardMakerOptions;
  readonly #request: Make;
  readonly #run: RunOptions;
  #teacher: FileRef | undefined;
  #unscored = 0;

  constructor(runner: JobRunner, options: ShardMakerOptions, request: Make) {
    this.#runner = runner;
    this.#options = options;
    this.#request = request;
    const { progress, engine } = options;
    const named = { word: "cache", dependsOn: { build: request.build, engine }, title: "teacher cache" };
    this.#run = runOptions({ ...named, stage: "cache" }, { progress, signal: request.signal });
  }

  async make(): Promise<void> {
    try {
      await this.#make();
    } catch (error) {
      // After an interruption the workers continue, and the next call uses their results.
      if (!this.#request.signal.aborted) await this.#runner.end(this.#run.run);
      throw error;
    }
    await this.#runner.end(this.#run.run);
  }

  async #make(): Promise<void> {
    const { shards, accept, onTokens } = this.#request;
    let parts: readonly Part[] = shards.map((work) => ({ id: `shard-${work.shard}`, work }));
    for (let round = 0; parts.length > 0; round++) {
      const failed = await this.#do(parts, async ({ work }, file) => {
        await accept(work.shard, file);
        onTokens(work.tokens);
      });
      if (failed.length > 0 && round === WHOLE_TRIES) throw asAWhole(failed[0]!.failed);
      const rest: Part[] = [];
      for (const { part, failed: reason } of failed) rest.push(await this.#withoutUnscored(part, reason));
      parts = rest;
    }
  }

  /** Makes the shard of a failed job without the pairs that fail alone. */
  async #withoutUnscored({ id, work, only }: Part, { failure }: FailedJob): Promise<Part> {
    const keys = only ?? work.keys;
    this.#run.note(`${id} failed (${failure.message}): looking for the rows that cause it`);
    const found: UnscoredPair[] = [];
    let suspects = divided(keys);
    while (suspects.length > 0) {
      const parts = suspects.map((some): Part => ({
        id: `${id}-${hashJson(some).slice(0, 16)}`,
        work,
        only: some,
      }));
      const failed = await this.#do(parts, () => Promise.resolve());
      suspects = [];
      for (const { part, failed: job } of failed) {
        const some = part.only ?? [];
        if (some.length > 1) suspects.push(...divided(some));
        else found.push({ key: some[0]!, reason: job.failure.message });
      }
    }
    this.#unscored += found.length;
    if (this.#unscored > MOST_UNSCORED) throw asAWhole({ id, failure });
    if (found.length > 0) {
      await this.#request.setAside(found);
      this.#run.note(`${found.length} of ${keys.length} rows of ${id} cannot be scored and are set aside`);
    }
    const isOut = new Set(found.map(({ key }) => key));
    return { id, work, only: keys.filter((key) => !isOut.has(key)) };
  }

  /** Runs jobs. @returns the jobs that failed because of their rows @throws SlmError if a job failed for another reason */
  async #do(
    parts: readonly Part[],
    onMade: (part: Part, file: Buffer) => Promise<void>,
  ): Promise<readonly { readonly part: Part; readonly failed: FailedJob }[]> {
    const byId = new Map(parts.map((part) => [part.id, part]));
    const failed = await this.#runner.run(
      parts.map((part) => this.#job(part)),
      this.#run,
      async ({ id }, { outputs }, files) => onMade(byId.get(id)!, await files.getBytes(outputs["shard"]!)),
    );
    const known = failed.find(({ failure }) => failure.code !== undefined);
    if (known !== undefined) throw failureError(known);
    return failed.map((job) => ({ part: byId.get(job.id)!, failed: job }));
  }

  #job({ id, work, only }: Part): JobSpec {
    const isProbe = only !== undefined && only.length < work.keys.length;
    return {
      id,
      kind: JOB_KINDS.cacheShard,
      units: work.tokens,
      // A part is tried once, because a failed part is split; a single row gets all attempts.
      tries: isProbe && only.length > 1 && id !== `shard-${work.shard}` ? 1 : undefined,
      message: async (files) => {
        this.#teacher ??= await files.putTree(this.#options.teacherDirectory);
        const task = await files.putBytes(await work.task(only && new Set(only)));
        return { inputs: { teacher: this.#teacher, task }, settings: { engine: this.#options.engine } };
      },
    };
  }
}

/** How many parts a failed job's rows are split into to find the cause. With more parts, fewer processes crash. */
const PARTS = 8;

/** Parts of about the same size. None is empty. */
function divided(keys: readonly string[]): (readonly string[])[] {
  const size = Math.max(1, Math.ceil(keys.length / PARTS));
  return Array.from({ length: Math.ceil(keys.length / size) }, (_, part) =>
    keys.slice(part * size, (part + 1) * size),
  );
}

const asAWhole = ({ id, failure }: FailedJob): SlmError =>
  new SlmError(
    "DEVICE_UNAVAILABLE",
    `cache: ${id} fails on every worker, but not because of single rows: ${failure.message}`,
    {
      suggestions: [
        "look at the output of the workers",
        "give each worker more memory, or start it with --concurrency 1",
      ],
    },
  );
