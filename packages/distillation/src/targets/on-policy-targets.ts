/** Samples on-policy targets from the student's current weights during training. */
import { OnPolicySampler, type Bucket, type LiveModel } from "@slm/training";
import type { DistillConfig } from "../config/distill-config.js";
import type { BatchSources } from "../teacher/distillation-teacher.js";

export interface OnPolicyRequest {
  readonly sources: BatchSources;
  readonly bucket: Bucket;
  readonly live: LiveModel;
  /** Uniform in [0, 1). The targets are a pure function of the weights and these numbers. */
  readonly random: () => number;
}

/** As in arXiv:2501.16273: microsoft/encoder-decoder-slm, src/mu/train_text2text_by_kd.py, line 106, commit 86c7c65. */
const SAMPLING = { temperature: 0.9, topK: 128 };

type Settings = Pick<DistillConfig, "batchSize">;

/** One sampler per bucket, compiled when its first batch is drawn. */
export class OnPolicyTargets {
  readonly #settings: Settings;
  readonly #samplers = new Map<Bucket, OnPolicySampler>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /** One target per source with at most `bucket.target - 1` tokens, without BOS and EOS. */
  async draw({ sources, bucket, live, random }: OnPolicyRequest): Promise<readonly number[][]> {
    const sampler = await this.#samplerFor(bucket, live);
    return sampler.sample(live.feeds, sources.student, random, sources.images);
  }

  async close(): Promise<void> {
    for (const sampler of this.#samplers.values()) await sampler.close();
  }

  async #samplerFor(bucket: Bucket, live: LiveModel): Promise<OnPolicySampler> {
    const known = this.#samplers.get(bucket);
    if (known !== undefined) return known;
    const { batchSize } = this.#settings;
    const shape = { rows: batchSize, source: bucket.source, target: Math.max(1, bucket.target - 1) };
    const sampler = await OnPolicySampler.create(live, shape, SAMPLING);
    this.#samplers.set(bucket, sampler);
    return sampler;
  }
}
