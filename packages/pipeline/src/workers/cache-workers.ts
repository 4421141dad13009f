/** Runs a cache on workers: shards of distributions, and blocks of labels, also from a teacher that a server runs. */
import { artifactInput, hashJson, type StageContext } from "@slm/core";
import type { CacheConfig, CacheInputs } from "@slm/labelling";
import type { WorkerShare } from "@slm/extension-workers";
import type { Compute } from "@slm/models/compute";
import { blockMaker } from "./make-blocks.js";
import { shardMaker } from "./make-shards.js";
import { shareApi } from "./share-api.js";
import { withWorkers, type WorkersAddress } from "./workers-address.js";

/** The part of a cache's inputs that splits the work. */
export type CacheWorkers = Pick<CacheInputs, "maker" | "blockMaker" | "sharing">;

export interface CacheWork {
  readonly settings: CacheConfig;
  readonly compute: Compute;
  readonly dataDirectory: string;
  readonly tokenizerDirectory: string;
  readonly teacherDirectory: string;
  readonly teacherName: string;
  readonly identity: string;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

/**
 * Runs `body` with the workers at an address.
 *
 * @returns its result, and the work of each worker
 * @throws SlmError DEVICE_UNAVAILABLE, INPUT_MISSING, and all errors of `body`
 */
export function withCacheWorkers<Result extends object>(
  address: WorkersAddress,
  work: CacheWork,
  body: (elsewhere: CacheWorkers) => Promise<Result>,
): Promise<Result & { readonly workers: readonly WorkerShare[] }> {
  const { settings, teacherDirectory, teacherName, tokenizerDirectory, dataDirectory, identity } = work;
  const { engine } = work.compute;
  const { progress } = work.context;
  return withWorkers(address, async (runner, store) => {
    const data = await artifactInput("data", dataDirectory);
    const budget = hashJson({ data: data.sha256, identity, settings }).slice(0, 32);
    const shared = await shareApi(address.redis, store, budget);
    const places = { teacherDirectory, teacherName, tokenizerDirectory, identity };
    try {
      const result = await body({
        maker: shardMaker(runner, { teacherDirectory, engine, progress }),
        blockMaker: (kind) => blockMaker(runner, { settings, engine, budget, progress, ...places }, kind),
        sharing: shared.sharing,
      });
      return { ...result, workers: runner.shares };
    } finally {
      // After an interruption the workers continue within the same budget.
      if (!work.context.signal.aborted) await shared.forget();
      shared.close();
    }
  });
}
