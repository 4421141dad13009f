/**
 * The cache stage: the teacher labels unlabelled sources and, on request, generates targets for training sources. Then it stores the
 * teacher's distributions over all targets, unless the settings turn this off.
 */
import { basename, join } from "node:path";
import { isFile, removePath, SlmError, type StageContext } from "@slm/core";
import { DATA_FILES, readRows, textRow, type Row } from "@slm/data";
import type { Engine } from "@slm/tensor";
import { writePairs } from "@slm/training";
import {
  buildTeacherCache,
  type CacheReport,
  type ShardMaker,
  CACHE_ROWS,
  readGivenRows,
  type CacheRowKind,
  type TeacherRow,
  removeUnscored,
  describeUnscored,
} from "@slm/teacher";
import type { CacheConfig } from "./config/cache-config.js";
import type { ApiSharing } from "./api/api-sharing.js";
import { labelSources, type BlockMaker, type LabelReport } from "./labelling/label-sources.js";
import { givenSources } from "./labelling/given-sources.js";
import { labellingVolume } from "./labelling/labelling-volume.js";
import { openLabellers } from "./teachers/open-labellers.js";
import type { LocalTeacher, OpenTeacher } from "./teachers/open-teacher.js";
import { labellingOf } from "./labelling/labelling-of.js";
import { SourceGuard } from "./selection/source-guard.js";

export interface CacheInputs {
  readonly dataDirectory: string;
  readonly tokenizerDirectory: string;
  readonly teacherDirectory: string;
  /** Name of the labeller, stored with the rows. Default: the name of the teacher's directory. */
  readonly teacherName?: string | undefined;
  /** Hash of the teacher's directory. */
  readonly identity: string;
  /** Output directory of the cache. It also contains the finished work of an interrupted run. */
  readonly workDirectory: string;
  /** Scores on other machines. Default: this machine. */
  readonly maker?: ShardMaker | undefined;
  /** Labels on other machines. Default: this machine. @param kind which sources */
  readonly blockMaker?: ((kind: CacheRowKind) => BlockMaker) | undefined;
  /** State shared by machines that use the same server. Default: none. */
  readonly sharing?: ApiSharing | undefined;
  readonly engine: Engine;
  readonly context: StageContext;
}

/** Statistics of the stored distributions; zero if none are stored. */
type StoredReport = Omit<CacheReport, "vocabularySize" | "resumedShards" | "truncation" | "unscored">;

export interface CacheStageReport extends StoredReport {
  /** Absent if no distributions are stored. */
  readonly truncation?: CacheReport["truncation"] | undefined;
  /** Number of rows that were left out because the teacher could not score them; absent if it scored all. */
  readonly unscored?: number | undefined;
  /** Number of the teacher's weights, in all members of an ensemble; 0 for a teacher that is not on this machine. */
  readonly parameters: number;
  /** Size of the teacher's vocabulary; 0 for a teacher that is not on this machine. */
  readonly vocab: number;
  /** Counts for the unlabelled sources; absent without them. */
  readonly labelled?: LabelReport;
  /** Counts for the training sources with generated targets; absent unless requested. */
  readonly generated?: LabelReport;
}

const NO_DISTRIBUTIONS: StoredReport = {
  k: 0,
  pairs: 0,
  tokens: 0,
  bytesPerToken: 0,
  shards: 0,
  tokensPerSecond: 0,
};

/** Files and directories of a run in progress that are not part of the finished cache. */
const PAIRS_FILE = "pairs.bin";
const BLOCKS_DIRECTORY = "blocks";

/**
 * Writes the cache of a recipe: `teacher-labelled.jsonl` if the data has unlabelled sources, `teacher-generated.jsonl` on request, and,
 * unless `distributions` is none, the teacher's distributions over the targets of these rows and of the training rows.
 *
 * @throws SlmError SHAPE_MISMATCH if teacher and tokenizer have different vocabularies, DATA_INVALID with the first row that exceeds the
 * teacher's limit, CONFIG_INVALID for settings that this teacher does not support, INTERRUPTED with finished work kept.
 */
export async function cacheTeacher(settings: CacheConfig, inputs: CacheInputs): Promise<CacheStageReport> {
  const { workDirectory, teacherDirectory, teacherName = basename(teacherDirectory) } = inputs;
  const opened = await openLabellers({ ...inputs, directory: teacherDirectory, name: teacherName });
  try {
    requireAble(settings, opened);
    if (opened.estimate !== undefined) {
      const message = opened.estimate(await labellingVolume(settings, inputs.dataDirectory));
      inputs.context.progress({ stage: "cache", message: `${teacherName}: ${message}`, isNote: true });
    }
    const labelled = await labelUnlabelled(settings, inputs, opened);
    const generated = await generateTargets(settings, inputs, opened);
    const { local } = opened;
    const stored =
      local === undefined || settings.distributions === "none"
        ? NO_DISTRIBUTIONS
        : await buildFromRows(settings, inputs, local);
    await removeUnscored(workDirectory);
    for (const name of [PAIRS_FILE, BLOCKS_DIRECTORY]) await removePath(join(workDirectory, name));
    return {
      parameters: local?.teacher.parameters ?? 0,
      vocab: local?.teacher.config.vocabularySize ?? 0,
      ...stored,
      ...(labelled === undefined ? {} : { labelled }),
      ...(generated === undefined ? {} : { generated }),
    };
  } finally {
    await opened.close();
  }
}

/** Rejects settings that a teacher without weights on this machine does not support. @throws SlmError CONFIG_INVALID */
function requireAble({ distributions }: CacheConfig, { local }: OpenTeacher): void {
  if (local !== undefined || distributions === "none") return;
  throw new SlmError(
    "CONFIG_INVALID",
    "cache: this teacher labels sources, but has no distributions to store",
    {
      suggestions: [
        "--set cache.distributions=none --set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
      ],
    },
  );
}

/** Labels the unlabelled sources of the data, if there are any. */
async function labelUnlabelled(
  settings: CacheConfig,
  { dataDirectory, workDirectory, context, blockMaker }: CacheInputs,
  { labeller }: OpenTeacher,
): Promise<LabelReport | undefined> {
  const path = join(dataDirectory, DATA_FILES.unlabelled);
  if (!(await isFile(path))) return undefined;
  return labelSources({
    ...labellingOf("labelled", settings, labeller),
    sources: () => givenSources(path, settings.unlabelled.limit),
    guard: await SourceGuard.read(dataDirectory),
    file: join(workDirectory, CACHE_ROWS.labelled),
    blocks: join(workDirectory, BLOCKS_DIRECTORY),
    maker: blockMaker?.("labelled"),
    context,
  });
}

async function generateTargets(
  settings: CacheConfig,
  { dataDirectory, workDirectory, context, blockMaker }: CacheInputs,
  { labeller }: OpenTeacher,
): Promise<LabelReport | undefined> {
  if (settings.generate === "none") return undefined;
  return labelSources({
    ...labellingOf("generated", settings, labeller),
    sources: () => differentSources(join(dataDirectory, DATA_FILES.train)),
    file: join(workDirectory, CACHE_ROWS.generated),
    blocks: join(workDirectory, BLOCKS_DIRECTORY),
    maker: blockMaker?.("generated"),
    context,
  });
}

/** The distinct sources of a file of rows, in the teacher's form. Rows with the same source are adjacent. */
async function* differentSources(path: string): AsyncGenerator<string> {
  let last: string | undefined;
  for await (const row of readRows(path)) {
    const { source } = textRow(row);
    if (source !== last) yield source;
    last = source;
  }
}

async function buildFromRows(
  { k }: CacheConfig,
  { dataDirectory, workDirectory, identity, maker, engine, context }: CacheInputs,
  { teacher, tokenizer }: LocalTeacher,
): Promise<Pick<CacheStageReport, keyof StoredReport | "truncation" | "unscored">> {
  const where = join(dataDirectory, DATA_FILES.train);
  const pairs = await writePairs({
    rows: allRows(where, workDirectory),
    tokenizer,
    limits: teacher.config,
    where,
    file: join(workDirectory, PAIRS_FILE),
  });
  try {
    const { bytesPerToken, shards, tokens, tokensPerSecond, truncation, ...built } = await buildTeacherCache({
      directory: workDirectory,
      teacher,
      identity,
      pairs,
      k,
      maker,
      engine,
      context,
    });
    const unscored = await describeUnscored(built.unscored, {
      directory: workDirectory,
      pairs,
      rows: allRows(where, workDirectory),
    });
    const { pairs: count } = built;
    return { k: built.k, pairs: count, tokens, bytesPerToken, truncation, unscored, shards, tokensPerSecond };
  } finally {
    await pairs.close();
  }
}

/** Training rows, then the rows that the teacher generated. */
async function* allRows(trainFile: string, directory: string): AsyncGenerator<Row> {
  yield* readRows(trainFile);
  for await (const { source, target } of teacherRows(directory)) yield { source, target };
}

/** The rows that the teacher generated. */
async function* teacherRows(directory: string): AsyncGenerator<TeacherRow> {
  for (const kind of Object.keys(CACHE_ROWS) as CacheRowKind[]) yield* readGivenRows(directory, kind);
}
