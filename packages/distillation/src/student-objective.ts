/** Where each batch's targets come from, and what the student is fed. */
import { imageTokensOf, type ModelConfig } from "@slm/model";
import {
  createLiveSampler,
  modelPass,
  stepRandom,
  type Batch,
  type BatchFeeds,
  type Bucket,
  type LiveModel,
  type LiveSampler,
  type ModelPass,
  type Objective,
  type PassShape,
} from "@slm/training";
import type { Corpus, CorpusRows } from "./corpus.js";
import type { DistillConfig } from "./distill-config.js";
import { asksDistributions } from "./loss-config.js";
import {
  auxiliaryParameters,
  ctcValues,
  studentLoss,
  type LossVariant,
  type StudentLossOptions,
} from "./student-loss.js";
import type { StoredTargets } from "./stored-targets.js";
import { targetOrigin, type TargetOrigin } from "./target-schedule.js";
import type { BatchSources, TaughtFeeds, TeacherSide } from "./teacher-side.js";
import type { UnlabelledSources } from "./unlabelled-sources.js";

export interface StudentObjectiveOptions {
  readonly config: ModelConfig;
  readonly settings: DistillConfig;
  readonly corpus: Corpus;
  /** Absent where neither a term nor a target needs it. */
  readonly teacher?: TeacherSide | undefined;
  /** Sources that the teacher labels while the student trains. */
  readonly unlabelled?: UnlabelledSources | undefined;
  /** Targets that the teacher wrote before, by the origin they stand for. */
  readonly stored?: StoredByOrigin | undefined;
  readonly seed: number;
}

export type StoredByOrigin = Readonly<Partial<Record<TargetOrigin, StoredTargets>>>;

/** An objective that holds programs until it is closed. */
export interface StudentObjective extends Objective {
  close(): Promise<void>;
}

export function studentObjective(options: StudentObjectiveOptions): StudentObjective {
  const { config, settings, teacher } = options;
  const { loss } = settings;
  const lossOptions: StudentLossOptions = { config, loss, teacher: teacher?.shape };
  const batches = new BatchMaker(options);
  const auxiliary = auxiliaryParameters(lossOptions);
  return {
    ...(auxiliary.length === 0 ? {} : { auxiliary }),
    definition: (bucket, variant) =>
      studentLoss(
        lossOptions,
        { batch: settings.batchSize, ...bucket },
        variant === "separate" ? "separate" : "shared",
      ),
    feeds: (batch, bucket, number, live) => batches.make(batch, bucket, number, live),
    close: () => batches.close(),
  };
}

/** A batch's sources and the targets that the teacher's terms and the labels read. */
interface Chosen {
  readonly sources: BatchSources;
  readonly targets: readonly ArrayLike<number>[];
  /** Labels that are not `targets`: the data's, where those are the student's own. */
  readonly gold?: readonly ArrayLike<number>[];
  readonly taught: TaughtFeeds;
}

const NOTHING: TaughtFeeds = { feeds: {}, owned: [] };

class BatchMaker {
  private readonly options: StudentObjectiveOptions;
  private readonly asksTeacher: boolean;
  private readonly samplers = new Map<Bucket, LiveSampler>();

  constructor(options: StudentObjectiveOptions) {
    this.options = options;
    this.asksTeacher = asksDistributions(options.settings.loss);
  }

  /** Feeds of one batch: a pure function of seed, number and, for targets of the student, its weights. */
  async make(batch: Batch, bucket: Bucket, number: number, live: LiveModel): Promise<BatchFeeds> {
    const { config, settings, seed } = this.options;
    const shape = { batch: settings.batchSize, ...bucket };
    const random = stepRandom(seed, number);
    const origin = targetOrigin(settings.targets, this.progressAt(number), random());
    const chosen = await this.choose(origin, { batch, shape, bucket, live, random });
    const pass = modelPass(config, shape);
    return this.feedsOf(chosen, pass, shape);
  }

  async close(): Promise<void> {
    for (const sampler of this.samplers.values()) await sampler.close();
  }

  /** Fraction of the steps done before a batch's: 0 at the first step, 1 at the last. */
  private progressAt(number: number): number {
    const { steps, accumulate } = this.options.settings;
    return Math.min(1, Math.floor((number - 1) / accumulate) / Math.max(1, steps - 1));
  }

  private async choose(
    origin: TargetOrigin,
    request: {
      readonly batch: Batch;
      readonly shape: PassShape;
      readonly bucket: Bucket;
      readonly live: LiveModel;
      readonly random: () => number;
    },
  ): Promise<Chosen> {
    const { corpus, unlabelled, stored } = this.options;
    const { batch, shape, bucket, live, random } = request;
    const written = await stored?.[origin]?.draw(batch.rows.length, bucket, random);
    if (written !== undefined) return this.asStored(written, shape);
    if (origin === "unlabelled") {
      const drawn = await unlabelled?.draw(batch.rows.length, bucket, random);
      if (drawn !== undefined) return this.generated(drawn, shape);
    }
    const rows = await corpus.read(batch.rows);
    const sources = sourcesOf(rows);
    if (origin === "teacher") return this.generated(sources, shape);
    if (origin === "student") {
      const sampler = await this.samplerFor(bucket, live);
      const targets = await sampler.sample(live.feeds, sources.student, random, sources.images);
      return { sources, targets, gold: rows.targets, taught: await this.score(sources, targets, shape) };
    }
    return this.asStored(rows, shape);
  }

  /** Rows whose distributions are stored. */
  private async asStored(rows: CorpusRows, shape: PassShape): Promise<Chosen> {
    const { teacher } = this.options;
    const taught = this.asksTeacher ? ((await teacher?.gold(rows, shape)) ?? NOTHING) : NOTHING;
    return { sources: sourcesOf(rows), targets: rows.targets, taught };
  }

  private async generated(sources: BatchSources, shape: PassShape): Promise<Chosen> {
    const targets = (await this.options.teacher?.generate(sources, shape)) ?? [];
    return { sources, targets, taught: await this.score(sources, targets, shape) };
  }

  private async score(
    sources: BatchSources,
    targets: readonly (readonly number[])[],
    shape: PassShape,
  ): Promise<TaughtFeeds> {
    if (!this.asksTeacher) return NOTHING;
    return (await this.options.teacher?.score(sources, targets, shape)) ?? NOTHING;
  }

  private async feedsOf(chosen: Chosen, pass: ModelPass, shape: PassShape): Promise<BatchFeeds> {
    const { config, settings, teacher } = this.options;
    const { sources, targets, gold, taught } = chosen;
    const labels = settings.loss.crossEntropy > 0 ? gold : undefined;
    const variant: LossVariant = labels === undefined ? "shared" : "separate";
    const hidden =
      settings.loss.hiddenState > 0 ? ((await teacher?.hidden(sources, shape)) ?? NOTHING) : NOTHING;
    const ofTargets = pass.passFeeds("taught", sources.student, targets);
    const ofLabels = labels === undefined ? undefined : pass.passFeeds("gold", sources.student, labels);
    const before = imageTokensOf(config);
    const sourceTokens = sources.student.reduce((sum, { length }) => sum + before + length, 0);
    return {
      variant,
      feeds: {
        ...pass.sharedFeeds(sources.student, sources.images),
        ...ofTargets.feeds,
        ...ofLabels?.feeds,
        ...taught.feeds,
        ...hidden.feeds,
        ...(settings.loss.ctc > 0 ? ctcValues(config, gold ?? targets, shape) : {}),
      },
      owned: [...taught.owned, ...hidden.owned],
      tokens: sourceTokens + ofTargets.counted,
      counted: (ofLabels ?? ofTargets).counted,
    };
  }

  private async samplerFor(bucket: Bucket, live: LiveModel): Promise<LiveSampler> {
    const known = this.samplers.get(bucket);
    if (known !== undefined) return known;
    const { batchSize, sampling } = this.options.settings;
    const shape = { rows: batchSize, source: bucket.source, target: Math.max(1, bucket.target - 1) };
    const sampler = await createLiveSampler(live, shape, sampling);
    this.samplers.set(bucket, sampler);
    return sampler;
  }
}

const sourcesOf = ({ sources, taught, images }: CorpusRows): BatchSources => ({
  student: sources,
  teacher: taught.sources,
  images,
});
