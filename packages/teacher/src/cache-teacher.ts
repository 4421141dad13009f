/**
 * The cache stage: the teacher labels unlabelled sources and generates targets if requested; then its distributions over all targets
 * are stored.
 */
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type StageContext, SlmError } from "@slm/core";
import type { Strategy } from "@slm/decoding";
import { DATA_FILES, readRows, readSources, textRow, type Row } from "@slm/data";
import type { Engine } from "@slm/tensor";
import {
  createTokenizer,
  loadTokenizer,
  readTokenizerFiles,
  TOKENIZER_FILE,
  type Tokenizer,
} from "@slm/tokenizer";
import { writePairs } from "@slm/training";
import { buildTeacherCache } from "./cache/build-cache.js";
import type { CacheReport } from "./cache/teacher-cache.js";
import type { CacheConfig, LabellingConfig } from "./cache-config.js";
import { CACHE_ROWS, readCacheRows, type CacheRowKind } from "./cache-rows.js";
import { labelSources, type LabelCounts } from "./label-sources.js";
import { loadTeachers } from "./teacher-directory.js";
import type { Teacher } from "./teacher.js";

export interface CacheInputs {
  readonly dataDirectory: string;
  readonly tokenizerDirectory: string;
  readonly teacherDirectory: string;
  /** Hash of the teacher's directory. */
  readonly identity: string;
  /** Output directory of the cache, which also holds the finished work of an interrupted run. */
  readonly workDirectory: string;
  readonly engine: Engine;
  readonly context: StageContext;
}

/** What is stored of distributions; zero where none are. */
type StoredReport = Omit<CacheReport, "vocabularySize" | "resumedShards" | "truncation">;

export interface CacheStageReport extends StoredReport {
  /** Absent where no distributions are stored. */
  readonly truncation?: CacheReport["truncation"] | undefined;
  /** Weights of the teacher, of all members of an ensemble. */
  readonly parameters: number;
  readonly vocab: number;
  /** Counts for the unlabelled sources; absent without them. */
  readonly labelled?: LabelCounts;
  /** Counts for the training sources with generated targets; absent unless requested. */
  readonly generated?: LabelCounts;
}

const NO_DISTRIBUTIONS: StoredReport = {
  k: 0,
  pairs: 0,
  tokens: 0,
  bytesPerToken: 0,
  shards: 0,
  tokensPerSecond: 0,
};

/** Files and directories of a run in progress that the finished cache does not keep. */
const PAIRS_FILE = "pairs.bin";
const BLOCKS_DIRECTORY = "blocks";

const STRATEGIES: {
  readonly [K in LabellingConfig["strategy"]]: (settings: LabellingConfig) => Strategy;
} = {
  greedy: () => ({ kind: "greedy" }),
  beam: ({ beams, lengthPenalty }) => ({ kind: "beam", beams, lengthPenalty }),
  sample: ({ temperature, topK }) => ({ kind: "sample", temperature, topK }),
};

/**
 * Writes the cache of a recipe: `teacher-labelled.jsonl` if the data has unlabelled sources, `teacher-generated.jsonl` if
 * asked for, and, unless `distributions` is none, the teacher's distributions over the targets of these rows and of the training rows.
 *
 * @throws SlmError SHAPE_MISMATCH when teacher and tokenizer have different vocabularies, DATA_INVALID naming a row that exceeds the teacher's limit, INTERRUPTED with finished work kept.
 */
export async function cacheTeacher(settings: CacheConfig, inputs: CacheInputs): Promise<CacheStageReport> {
  const { tokenizerDirectory, teacherDirectory, workDirectory, engine } = inputs;
  const { tokenizer, isOwn } = await readersTokenizer(teacherDirectory, tokenizerDirectory);
  const teacher = await loadTeachers(engine, teacherDirectory);
  try {
    requireVocabulary(teacher, { tokenizer, isOwn }, teacherDirectory);
    const labelled = await labelUnlabelled(settings, inputs, teacher, tokenizer);
    const generated = await generateTargets(settings, inputs, teacher, tokenizer);
    const stored =
      settings.distributions === "none"
        ? NO_DISTRIBUTIONS
        : await buildFromRows(settings, inputs, teacher, tokenizer);
    for (const name of [PAIRS_FILE, BLOCKS_DIRECTORY])
      await rm(join(workDirectory, name), { recursive: true, force: true });
    return {
      parameters: teacher.parameters,
      vocab: teacher.config.vocabularySize,
      ...stored,
      ...(labelled === undefined ? {} : { labelled }),
      ...(generated === undefined ? {} : { generated }),
    };
  } finally {
    await teacher.close();
  }
}

async function labelUnlabelled(
  { unlabelled }: CacheConfig,
  { dataDirectory, workDirectory, identity, context }: CacheInputs,
  teacher: Teacher,
  tokenizer: Tokenizer,
): Promise<LabelCounts | undefined> {
  const path = join(dataDirectory, DATA_FILES.unlabelled);
  if (!(await isFile(path))) return undefined;
  return labelSources({
    teacher,
    identity,
    tokenizer,
    sources: readSources(path),
    strategy: STRATEGIES[unlabelled.strategy](unlabelled),
    minScore: unlabelled.minScore,
    file: join(workDirectory, CACHE_ROWS.labelled),
    blocks: join(workDirectory, BLOCKS_DIRECTORY),
    context,
  });
}

async function generateTargets(
  { generate }: CacheConfig,
  { dataDirectory, workDirectory, identity, context }: CacheInputs,
  teacher: Teacher,
  tokenizer: Tokenizer,
): Promise<LabelCounts | undefined> {
  if (generate === "none") return undefined;
  return labelSources({
    teacher,
    identity,
    tokenizer,
    sources: distinctSources(join(dataDirectory, DATA_FILES.train)),
    strategy: { kind: generate },
    file: join(workDirectory, CACHE_ROWS.generated),
    blocks: join(workDirectory, BLOCKS_DIRECTORY),
    context,
  });
}

/** Sources of a file of rows, as the teacher reads them. Rows of one source are adjacent. */
async function* distinctSources(path: string): AsyncGenerator<string> {
  let last: string | undefined;
  for await (const row of readRows(path)) {
    const { source } = textRow(row);
    if (source !== last) yield source;
    last = source;
  }
}

async function buildFromRows(
  { k }: CacheConfig,
  { dataDirectory, workDirectory, identity, engine, context }: CacheInputs,
  teacher: Teacher,
  tokenizer: Tokenizer,
): Promise<Pick<CacheStageReport, keyof StoredReport | "truncation">> {
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
      engine,
      context,
    });
    return { k: built.k, pairs: built.pairs, tokens, bytesPerToken, truncation, shards, tokensPerSecond };
  } finally {
    await pairs.close();
  }
}

/** Training rows, then the rows that the teacher generated. */
async function* allRows(trainFile: string, directory: string): AsyncGenerator<Row> {
  yield* readRows(trainFile);
  for (const kind of Object.keys(CACHE_ROWS) as CacheRowKind[])
    for await (const { source, target } of readCacheRows(directory, kind)) yield { source, target };
}

/** The teacher's own tokenizer, or the run's tokenizer for a teacher without one. */
async function readersTokenizer(teacherDirectory: string, tokenizerDirectory: string): Promise<Reader> {
  if (await isFile(join(teacherDirectory, TOKENIZER_FILE))) {
    const files = await readTokenizerFiles(teacherDirectory);
    if (files.config.source.symbols === undefined) return { tokenizer: createTokenizer(files), isOwn: true };
  }
  return { tokenizer: await loadTokenizer(tokenizerDirectory), isOwn: false };
}

interface Reader {
  readonly tokenizer: Tokenizer;
  /** Whether it is the teacher's own. Models often round their vocabulary size up beyond it. */
  readonly isOwn: boolean;
}

function requireVocabulary(teacher: Teacher, { tokenizer, isOwn }: Reader, directory: string): void {
  const { vocabularySize: size } = teacher.config;
  if (isOwn ? size >= tokenizer.vocabularySize : size === tokenizer.vocabularySize) return;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `cache: the teacher's vocabulary has ${teacher.config.vocabularySize} tokens, the tokenizer's ` +
      `${tokenizer.vocabularySize} (${directory})`,
    { suggestions: ["use the tokenizer the teacher was trained with"] },
  );
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}
