/** Trains the replicas of a round: on this machine one after the other, or elsewhere. */
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, SILENT, writeBytesAtomic } from "@slm/core";
import { outerStep, splitState, STATE_FILE, withGlobalWeights, type SegmentReport } from "@slm/training";
import { z } from "zod";
import type { RoundRequest } from "../distill-inputs.js";
import type { ReplicasConfig } from "./replicas-config.js";
import type { RoundReport, RoundRunner, RoundState } from "./round.js";

const localState = z.strictObject({ number: z.int().nonnegative() });

/** One replica after the other, in a directory. */
export function localRounds({ settings, inputs, segment }: RoundRequest, directory: string): RoundRunner {
  const { replicas } = settings;
  const at = (name: string, number: number): string => join(directory, `${name}-${number}.safetensors`);
  const numberOf = (state: RoundState): number => localState.parse(state).number;
  return {
    begin: async (weights, moments) => {
      await makeFolder(directory);
      await copyFile(weights, at("weights", 0));
      for (let index = 0; index < replicas.count; index++) await copyFile(moments, at(`moments-${index}`, 0));
      return { number: 0 };
    },
    round: async (state, { from, until }) => {
      const number = numberOf(state);
      await removeRound(directory, number - 1, replicas.count);
      const ends: string[] = [];
      const reports: SegmentReport[] = [];
      for (let index = 0; index < replicas.count; index++) {
        const work = join(directory, `replica-${index}`);
        await rm(work, { recursive: true, force: true });
        const own = { ...inputs, workDirectory: work, context: { ...inputs.context, progress: SILENT } };
        const given = {
          weights: at("weights", number),
          moments: at(`moments-${index}`, number),
          from,
          until,
          index,
        };
        const { report, weights, moments } = await trainReplica({ settings, inputs: own, segment }, given);
        reports.push(report);
        ends.push(at(`end-${index}`, number + 1));
        await writeBytesAtomic(ends[index]!, weights);
        await writeBytesAtomic(at(`moments-${index}`, number + 1), moments);
        await rm(work, { recursive: true, force: true });
      }
      const momentum = number === 0 ? undefined : at("momentum", number);
      const next = await outerStep({ start: at("weights", number), momentum, ends }, outerOf(replicas));
      await writeBytesAtomic(at("weights", number + 1), next.weights);
      await writeBytesAtomic(at("momentum", number + 1), next.momentum);
      for (const end of ends) await rm(end);
      return { state: { number: number + 1 }, ...meanOf(reports), trafficBytes: 0 };
    },
    weights: (state, file) => copyFile(at("weights", numberOf(state)), file),
    end: () => rm(directory, { recursive: true, force: true }),
  };
}

/** The outer optimizer of some settings. */
export const outerOf = ({
  outerLearningRate,
  outerMomentum,
}: ReplicasConfig): Parameters<typeof outerStep>[1] => ({
  learningRate: outerLearningRate,
  momentum: outerMomentum,
});

/** Mean loss and all tokens of the replicas of a round. */
function meanOf(
  reports: readonly Pick<SegmentReport, "loss" | "tokens">[],
): Pick<RoundReport, "loss" | "tokens"> {
  const losses = reports.flatMap(({ loss }) => (loss === undefined ? [] : [loss]));
  const sum = losses.reduce((total, loss) => total + loss, 0);
  return {
    loss: losses.length === 0 ? undefined : sum / losses.length,
    tokens: reports.reduce((total, { tokens }) => total + tokens, 0),
  };
}

async function removeRound(directory: string, number: number, count: number): Promise<void> {
  const names = ["weights", "momentum", ...Array.from({ length: count }, (_, index) => `moments-${index}`)];
  for (const name of names) await rm(join(directory, `${name}-${number}.safetensors`), { force: true });
}

/** A replica's segment with given weights and moments: what one replica does in a round, here or on another machine.
 *
 * @returns its report; the files of its weights and moments are the contents of the state in the work directory
 * @throws SlmError DATA_INVALID for moments of another round, and as `distill`
 */
export async function trainReplica(
  { settings, inputs, segment }: RoundRequest,
  {
    weights,
    moments,
    from,
    until,
    index,
  }: {
    readonly weights: string;
    readonly moments: string;
    readonly from: number;
    readonly until: number;
    readonly index: number;
  },
): Promise<{ readonly report: SegmentReport; readonly weights: Uint8Array; readonly moments: Uint8Array }> {
  const { replicas } = settings;
  const state = join(inputs.workDirectory, STATE_FILE);
  await writeBytesAtomic(state, await withGlobalWeights(moments, weights, from));
  const { count, warmupSteps } = replicas;
  const replica = { index, count, warmupSteps };
  const report = await segment(settings, inputs, { until, replica, measures: false });
  return { report, ...(await splitState(state)) };
}
