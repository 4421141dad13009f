/** Where each batch's targets come from, and what the student is fed. */
import { createRandom, decode } from "@slm/decoding";
import type { EncoderDecoderConfig } from "@slm/model";
import type { DeviceTensor, HostTensor } from "@slm/runtime";
import type { Teacher } from "@slm/teacher";
import {
  createLiveDecoder,
  type Batch,
  type Bucket,
  type LiveDecoder,
  type LiveModel,
  type Objective,
  type TokenPairs,
} from "@slm/training";
import type { DistillConfig } from "./distill-config.js";
import { studentLoss } from "./student-loss.js";
import { sourceFeeds, targetFeeds } from "./target-batch.js";
import type { GoldLogits } from "./teacher-logits.js";

export type TargetOrigin = "gold" | "teacher" | "student";

export interface StudentObjectiveOptions {
  readonly config: EncoderDecoderConfig;
  readonly settings: DistillConfig;
  readonly pairs: TokenPairs;
  readonly teacher: Teacher;
  readonly gold: GoldLogits;
  readonly seed: number;
}

/** Multiplier that keeps the seeds of neighbouring steps apart (golden ratio, 32 bits). */
const STEP_STRIDE = 0x9e3779b1;

/** Random numbers of one step: a pure function of seed and step, so that a resumed run draws the same. */
const randomOf = (seed: number, step: number): (() => number) =>
  createRandom((seed + Math.imul(step, STEP_STRIDE)) >>> 0).next;

/** The origin of a step's targets, by the recipe's shares. */
export function targetOrigin(targets: DistillConfig["targets"], draw: number): TargetOrigin {
  if (draw < targets.student) return "student";
  return draw < targets.student + targets.teacher ? "teacher" : "gold";
}

export function studentObjective(options: StudentObjectiveOptions): Objective & { close(): Promise<void> } {
  const { config, settings, pairs, teacher, gold, seed } = options;
  const { batchSize } = settings;
  const decoders = new Map<Bucket, LiveDecoder>();

  const sampler = async (live: LiveModel, bucket: Bucket): Promise<LiveDecoder> => {
    const known = decoders.get(bucket);
    if (known !== undefined) return known;
    const decoder = await createLiveDecoder(live, {
      rows: batchSize,
      source: bucket.source,
      capacity: bucket.target,
    });
    decoders.set(bucket, decoder);
    return decoder;
  };

  const sampleTargets = async (
    live: LiveModel,
    bucket: Bucket,
    sources: readonly Int32Array[],
    random: () => number,
  ): Promise<number[][]> => {
    const step = await (await sampler(live, bucket)).start(sources);
    const { bos, eos, pad } = config.tokens;
    const strategy = { kind: "sample", temperature: settings.temperature, topK: settings.topK } as const;
    const results = await decode(step, {
      bos,
      eos,
      pad,
      maxTokens: Math.max(1, bucket.target - 1),
      strategy,
      random,
    });
    return results.slice(0, sources.length).map(({ tokens }) => tokens);
  };

  const feeds = async (
    { rows }: Batch,
    bucket: Bucket,
    step: number,
    live: LiveModel,
  ): ReturnType<Objective["feeds"]> => {
    const shape = { batch: batchSize, ...bucket };
    const random = randomOf(seed, step);
    const origin = targetOrigin(settings.targets, random());
    const sources = Array.from(rows, (row) => pairs.source(row));
    const goldTargets = Array.from(rows, (row) => pairs.target(row));
    const common = sourceFeeds(sources, shape, config.tokens);
    const tokens = rows.reduce(
      (sum, row) => sum + pairs.lengths.source[row]! + pairs.lengths.target[row]!,
      0,
    );
    if (origin === "gold") {
      const pass = targetFeeds("kl", goldTargets, shape, config.tokens);
      return {
        variant: "shared",
        feeds: { ...common, ...pass.feeds, teacher: gold.read(rows, bucket) },
        tokens,
      };
    }
    const targets =
      origin === "teacher"
        ? await teacher.generate(sources, shape, { kind: "greedy" }, random)
        : await sampleTargets(live, bucket, sources, random);
    const scored = await teacher.score(
      targets.map((target, index) => ({ source: sources[index]!, target })),
      shape,
    );
    const pass = targetFeeds("kl", targets, shape, config.tokens);
    const all: Record<string, HostTensor | DeviceTensor> = { ...common, ...pass.feeds, teacher: scored };
    if (origin === "student")
      Object.assign(all, targetFeeds("gold", goldTargets, shape, config.tokens).feeds);
    return { variant: origin === "student" ? "separate" : "shared", feeds: all, owned: [scored], tokens };
  };

  return {
    definition: (bucket, variant) =>
      studentLoss(config, settings, bucket, variant === "separate" ? "separate" : "shared"),
    feeds,
    close: async () => {
      for (const decoder of decoders.values()) await decoder.close();
    },
  };
}
