/** On-policy targets: sampled from the student's current weights during training, and scored by the teacher. */
import { createRandom } from "@slm/generation";
import { createOnPolicySampler, type Bucket, type LiveModel, type OnPolicySampler } from "@slm/training";
import type { DistillConfig } from "./distill-config.js";
import type { BatchSources, TeacherFeeds } from "./distillation-teacher.js";
import { SpeculativeTargets, type ScoredTargets } from "./speculative-targets.js";

export interface OnPolicyRequest {
  readonly sources: BatchSources;
  readonly bucket: Bucket;
  readonly live: LiveModel;
  /** Uniform in [0, 1): the targets are a pure function of the weights and of these numbers. */
  readonly random: () => number;
  /** The teacher's distributions over targets of these sources. */
  readonly score: (targets: readonly number[][]) => Promise<TeacherFeeds>;
}

type Settings = Pick<DistillConfig, "batchSize" | "sampling">;

/** The programs of one bucket. */
interface Programs {
  readonly sampler: OnPolicySampler;
  /** Absent for plain on-policy targets. */
  readonly speculative: SpeculativeTargets | undefined;
}

/** One sampler per bucket, compiled when its first batch is drawn. */
export class OnPolicyTargets {
  readonly #settings: Settings;
  readonly #programs = new Map<Bucket, Programs>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** One target per source, at most `bucket.target - 1` tokens each, without BOS and EOS, with the teacher's distributions. */
  async draw(request: OnPolicyRequest): Promise<ScoredTargets> {
    const { sources, bucket, live, random, score } = request;
    const { student, images } = sources;
    const { sampler, speculative } = await this.#programsFor(bucket, live);
    if (speculative === undefined) {
      const targets = await sampler.sample(live.feeds, student, random, images);
      return { targets, teacherFeeds: await score(targets) };
    }
    const [seed, teacherSeed] = [seedFrom(random), seedFrom(random)];
    return speculative.draw({
      propose: (prefixes) => sampler.sample(live.feeds, student, createRandom(seed).next, images, prefixes),
      score,
      rows: student.length,
      limit: sampler.shape.target,
      seed: teacherSeed,
    });
  }

  async close(): Promise<void> {
    for (const { sampler, speculative } of this.#programs.values()) {
      await sampler.close();
      await speculative?.close();
    }
  }

  async #programsFor(bucket: Bucket, live: LiveModel): Promise<Programs> {
    const known = this.#programs.get(bucket);
    if (known !== undefined) return known;
    const { batchSize: batch, sampling } = this.#settings;
    const { speculative: settings, ...options } = sampling;
    const shape = { rows: batch, source: bucket.source, target: Math.max(1, bucket.target - 1) };
    const { vocabularySize: vocabulary, tokens } = live.config;
    const programs: Programs = {
      sampler: await createOnPolicySampler(live, shape, options),
      speculative:
        settings &&
        (await SpeculativeTargets.create(live.engine, {
          settings,
          shape: { batch, target: bucket.target },
          vocabulary,
          eos: tokens.eos,
        })),
    };
    this.#programs.set(bucket, programs);
    return programs;
  }
}

const seedFrom = (random: () => number): number => Math.floor(random() * 2 ** 32);
