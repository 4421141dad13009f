/** The student's objective: chooses the origin of each batch's targets and creates the feeds. */
import { imageTokensOf, type ModelConfig } from "@slm/model";
import {
  modelPass,
  stepRandom,
  type Batch,
  type BatchFeeds,
  type Bucket,
  type LiveModel,
  type ModelPass,
  type Objective,
  type PassShape,
  type RowSets,
} from "@slm/training";
import type { CorpusRows } from "./sources/corpus.js";
import type { DistillConfig } from "./config/distill-config.js";
import { requiresDistributions, requiresLabels } from "./config/loss-config.js";
import {
  auxiliaryParameters,
  ctcValues,
  studentLoss,
  type LossVariant,
  type StudentLossOptions,
} from "./loss/student-loss.js";
import type { StoredByOrigin, StoredTargets } from "./targets/stored-targets.js";
import { STORED_TARGETS, targetOrigin, type TargetOrigin } from "./config/target-shares.js";
import type { DistillationSources } from "./distillation-sources.js";
import type { BatchSources, TeacherFeeds } from "./teacher/distillation-teacher.js";

export interface StudentObjectiveOptions {
  readonly config: ModelConfig;
  readonly settings: DistillConfig;
  readonly sources: Pick<DistillationSources, "corpus" | "teacher" | "stored" | "onPolicy">;
  readonly seed: number;
}

/** Origins of stored targets, in the order of their row sets. */
export const storedOrigins = (stored: StoredByOrigin): readonly TargetOrigin[] =>
  STORED_TARGETS.flatMap(({ origin }) => (stored[origin] === undefined ? [] : [origin]));

/** The stored targets as additional row sets, and the set of each batch. */
export function storedRowSets(options: Omit<StudentObjectiveOptions, "config">): RowSets {
  const { stored } = options.sources;
  return {
    lengths: storedOrigins(stored).map((origin) => stored[origin]!.lengths),
    of: (number) => planOf(options, number).set,
  };
}

/** The plan of a batch, before its rows are read. */
interface BatchPlan {
  readonly origin: TargetOrigin;
  /** The batch's stored rows; undefined for a batch of training rows. */
  readonly written: StoredTargets | undefined;
  /** Index of their set in {@link storedRowSets}, counted from 1; 0 for training rows. */
  readonly set: number;
  /** Random numbers for the remaining choices of the batch. */
  readonly random: () => number;
}

/** The plan of a batch: a pure function of seed and number. */
function planOf(
  { settings, seed, sources: { stored } }: Omit<StudentObjectiveOptions, "config">,
  number: number,
): BatchPlan {
  const random = stepRandom(seed, number);
  const origin = targetOrigin(settings.targets, random());
  return { origin, written: stored[origin], set: 1 + storedOrigins(stored).indexOf(origin), random };
}

export function studentObjective(options: StudentObjectiveOptions): Objective {
  const { config, settings } = options;
  const lossOptions: StudentLossOptions = { config, loss: settings.loss };
  const batches = studentBatches(options);
  const auxiliary = auxiliaryParameters(lossOptions);
  return {
    auxiliary: auxiliary.length === 0 ? undefined : auxiliary,
    definition: (bucket, variant) =>
      studentLoss(
        lossOptions,
        { batch: settings.batchSize, ...bucket },
        variant === "separate" ? "separate" : "shared",
      ),
    feeds: (batch, bucket, number, live) => batches.make(batch, bucket, number, live),
  };
}

/** Makes the feeds of batches. */
export const studentBatches = (options: StudentObjectiveOptions): Pick<BatchMaker, "make"> =>
  new BatchMaker(options);

/** A batch's sources, and the targets for the teacher's terms and for cross-entropy. */
interface Chosen {
  readonly sources: BatchSources;
  readonly targets: readonly ArrayLike<number>[];
  /** Gold labels, if `targets` are on-policy samples. */
  readonly gold?: readonly ArrayLike<number>[];
  readonly teacherFeeds: TeacherFeeds;
}

/** A requested batch: its rows, and the sizes of its program. */
interface BatchRequest {
  readonly batch: Batch;
  readonly shape: PassShape;
  readonly bucket: Bucket;
  readonly live: LiveModel;
}

const NOTHING: TeacherFeeds = { feeds: {}, owned: [] };

class BatchMaker {
  private readonly options: StudentObjectiveOptions;
  private readonly sources: StudentObjectiveOptions["sources"];
  private readonly scores: boolean;

  constructor(options: StudentObjectiveOptions) {
    this.options = options;
    this.sources = options.sources;
    this.scores = requiresDistributions(options.settings.loss);
  }

  /** Feeds of one batch: a pure function of seed, batch number and, for on-policy targets, the weights. */
  async make(batch: Batch, bucket: Bucket, number: number, live: LiveModel): Promise<BatchFeeds> {
    const { config, settings } = this.options;
    const shape = { batch: settings.batchSize, ...bucket };
    const chosen = await this.choose(planOf(this.options, number), { batch, shape, bucket, live });
    const pass = modelPass(config, shape);
    return this.feedsOf(chosen, pass, shape);
  }

  private async choose(
    { origin, written, random }: BatchPlan,
    { batch, shape, bucket, live }: BatchRequest,
  ): Promise<Chosen> {
    if (written !== undefined) return this.asStored(await written.read(batch.rows), shape);
    const { corpus, onPolicy } = this.sources;
    const rows = await corpus.read(batch.rows);
    if (origin !== "student") return this.asStored(rows, shape);
    const sources = sourcesOf(rows);
    const targets = await onPolicy.draw({ sources, bucket, live, random });
    return { sources, targets, teacherFeeds: await this.score(sources, targets, shape), gold: rows.targets };
  }

  /** Rows with stored distributions. */
  private async asStored(rows: CorpusRows, shape: PassShape): Promise<Chosen> {
    const { teacher } = this.sources;
    const teacherFeeds = this.scores ? ((await teacher?.gold(rows, shape)) ?? NOTHING) : NOTHING;
    return { sources: sourcesOf(rows), targets: rows.targets, teacherFeeds };
  }

  private async score(
    sources: BatchSources,
    targets: readonly (readonly number[])[],
    shape: PassShape,
  ): Promise<TeacherFeeds> {
    if (!this.scores) return NOTHING;
    return (await this.sources.teacher?.score(sources, targets, shape)) ?? NOTHING;
  }

  private feedsOf(chosen: Chosen, pass: ModelPass, shape: PassShape): BatchFeeds {
    const { config, settings } = this.options;
    const { sources, targets, gold, teacherFeeds } = chosen;
    const labels = requiresLabels(settings.loss) ? gold : undefined;
    const variant: LossVariant = labels === undefined ? "shared" : "separate";
    const ofTargets = pass.passFeeds("distill", sources.student, targets);
    const ofLabels = labels === undefined ? undefined : pass.passFeeds("gold", sources.student, labels);
    const before = imageTokensOf(config);
    const sourceTokens = sources.student.reduce((sum, { length }) => sum + before + length, 0);
    return {
      variant,
      feeds: {
        ...pass.sharedFeeds(sources.student, sources.images),
        ...ofTargets.feeds,
        ...ofLabels?.feeds,
        ...teacherFeeds.feeds,
        ...(settings.loss.ctc > 0 ? ctcValues(config, gold ?? targets, shape) : {}),
      },
      owned: teacherFeeds.owned,
      tokens: sourceTokens + ofTargets.lossTokens,
      lossTokens: (ofLabels ?? ofTargets).lossTokens,
    };
  }
}

const sourcesOf = ({ sources, teacherTokens, images }: CorpusRows): BatchSources => ({
  student: sources,
  teacher: teacherTokens.sources,
  images,
});
