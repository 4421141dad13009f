/** Collects calibration statistics on workers. */
import { hashFolder, hashJson, SlmError, type StageContext } from "@slm/core";
import { decodeTotals, type Collector } from "@slm/quantization";
import type { FileRef, JobRunner, JobSpec, RunOptions, WorkerShare } from "@slm/extension-workers";
import { failureError } from "@slm/extension-workers/references";
import { sendGraph, sendRows, sendStatistics } from "./calibration-task.js";
import { JOB_KINDS } from "./job-kinds.js";
import { runOptions } from "./run-options.js";
import { withWorkers, type WorkersAddress } from "./workers-address.js";

export interface CalibrationWork {
  /** Directory of the exported model, which workers need to run its graphs; absent for a file that comes with its own inputs. */
  readonly model?: string | undefined;
  /** Distinguishes this run from other runs of the same model: what is quantized, how, and the output. */
  readonly settings: unknown;
  readonly context: Pick<StageContext, "progress" | "signal">;
}

/** The work of each worker in a calibration. */
export interface CalibrationShares {
  readonly workers: readonly WorkerShare[];
}

/**
 * Runs `body` with the workers at an address.
 *
 * @returns its result, and the work of each worker
 * @throws SlmError DEVICE_UNAVAILABLE, INPUT_MISSING, and all errors of `body`
 */
export function withCalibrationWorkers<Result extends object>(
  address: WorkersAddress,
  { model, settings, context }: CalibrationWork,
  body: (collector: Collector) => Promise<Result>,
): Promise<Result & CalibrationShares> {
  return withWorkers(address, async (runner) => {
    const identity = model === undefined ? null : await hashFolder(model);
    const named = { word: "calibrate", dependsOn: { identity, settings }, title: "calibration" };
    const options = runOptions({ ...named, stage: "quantize" }, context);
    try {
      const result = await body(workersCollector(runner, options, model));
      return { ...result, workers: runner.shares };
    } finally {
      // After an interruption the workers continue, and the next call uses their results.
      if (!context.signal.aborted) await runner.end(options.run);
    }
  });
}

function workersCollector(runner: JobRunner, options: RunOptions, model: string | undefined): Collector {
  const files = runner.files(options.run);
  let sent: Promise<FileRef> | undefined;
  return {
    collect: async ({ graph, statistics, feeds }, accept) => {
      const shared: Record<string, FileRef> = {
        graph: await sendGraph(files, graph),
        statistics: await sendStatistics(files, statistics),
      };
      if (model !== undefined) shared["model"] = await (sent ??= files.putTree(model));
      const numbers = new Map<string, number>();
      async function* jobs(): AsyncGenerator<JobSpec> {
        for (const [number, { rows }] of feeds.entries()) {
          if (rows === undefined)
            throw new SlmError(
              "UNEXPECTED",
              "quantize: rows that exist only in memory cannot be sent to workers",
            );
          const inputs = { ...shared, rows: await sendRows(files, rows) };
          // A resumed run finds earlier parts by the hash of their inputs.
          const id = `part-${number}-${hashJson(inputs).slice(0, 32)}`;
          numbers.set(id, number);
          const units = rows.kind === "files" ? rows.paths.length : rows.runs.flat().length;
          const message = (): ReturnType<JobSpec["message"]> => Promise.resolve({ inputs, settings: {} });
          yield { id, kind: JOB_KINDS.calibrationPart, units, message };
        }
      }
      const made = new Map<number, FileRef>();
      let next = 0;
      const failed = await runner.run(jobs(), options, async ({ id }, { outputs }) => {
        made.set(numbers.get(id)!, outputs["totals"]!);
        for (let file = made.get(next); file !== undefined; file = made.get(next)) {
          accept(decodeTotals(await files.getBytes(file), statistics));
          made.delete(next);
          next += 1;
        }
      });
      if (failed.length > 0) throw failureError(failed[0]!);
    },
  };
}
