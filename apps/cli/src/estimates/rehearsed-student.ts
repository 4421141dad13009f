/**
 * A student of random weights that a plan exports and lets answer. The time of what comes after the distillation depends on the student's shape, not on
 * its weights, so it is measured and not guessed.
 */
import { writeCheckpoint } from "@slm/checkpoints";
import { SILENT } from "@slm/core";
import { DATA_FILES, readRows } from "@slm/data";
import { createRandom } from "@slm/generation";
import { distillConfig } from "@slm/distillation";
import { openModel, type Generation } from "@slm/inference";
import { initializeWeights, parameterCount, parseModelConfig, visionOf } from "@slm/model";
import { exportConfig, exportModel } from "@slm/onnx-export";
import { createTokenizer, readTokenizerFiles, writeTokenizer } from "@slm/tokenizer";
import { mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { withRuntime } from "../compute/open-engine.js";
import type { PlanRequest } from "../pipeline/plan-request.js";
import { dataFacts } from "./data-facts.js";
import { plannedStudentShape } from "./planned-shapes.js";

export interface RehearsedStudent {
  /** Bytes of float32 weights. */
  readonly bytes: number;
  readonly exportSeconds: number;
  /** To load the graphs once [seconds]. */
  readonly loadSeconds: number;
  /** An answer of usual length, alone [seconds]. */
  readonly answerSeconds: number;
  /** The same in a batch, per row [seconds]. */
  readonly batchSeconds: number;
}

/** Larger students take a plan too long [parameters]. */
const LARGEST = 20e6;
/** Rows that are answered in one batch, as evaluation does it, and alone. */
const BATCH_ROWS = 256;
const SINGLE_ROWS = 8;

/** The students of one plan, each made once, in a directory that the plan removes. */
export class RehearsedStudents {
  readonly #root: string;
  readonly #made = new Map<string, Promise<RehearsedStudent | undefined>>();

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Undefined before there are rows and a tokenizer, for a vision-language student, one that is too large, or whose shape is not known yet.
   *
   * @throws SlmError of the export for a shape that the target cannot have
   */
  measure(request: PlanRequest<unknown>): Promise<RehearsedStudent | undefined> {
    const key = JSON.stringify([request.sections.distill, request.sections.export]);
    const made = this.#made.get(key) ?? measureStudent(request, this.#root);
    this.#made.set(key, made);
    return made;
  }
}

async function measureStudent(
  request: PlanRequest<unknown>,
  root: string,
): Promise<RehearsedStudent | undefined> {
  const { sections, artifacts, compute } = request;
  const settings = distillConfig.safeParse(sections.distill).data;
  if (settings === undefined || artifacts.data === undefined || artifacts.tokenizer === undefined)
    return undefined;
  const shape = await plannedStudentShape({ ...request, settings });
  if (shape === undefined) return undefined;
  const files = await readTokenizerFiles(artifacts.tokenizer);
  const { vocabularySize, tokens } = createTokenizer(files);
  const config = parseModelConfig({ ...shape, vocabularySize, tokens }, "distill: student");
  if (visionOf(config) !== undefined || parameterCount(config) > LARGEST) return undefined;
  const work = await mkdtemp(join(root, "student-"));
  const [checkpointDirectory, outputDirectory] = [join(work, "checkpoint"), join(work, "export")];
  for (const directory of [checkpointDirectory, outputDirectory]) await mkdir(directory);
  await writeCheckpoint(checkpointDirectory, {
    config,
    weights: initializeWeights(config, createRandom(1).next),
  });
  await writeTokenizer(files, checkpointDirectory);
  const { target } = await dataFacts(request, shape);
  const sources = await firstSources(join(artifacts.data, DATA_FILES.train), BATCH_ROWS);
  const choice = {
    ...exportConfig.parse(sections.export ?? {}),
    shortlist: undefined,
    draftRules: undefined,
  };
  return withRuntime(compute.threads, async (runtime) => {
    const [exportSeconds] = await timed(() =>
      exportModel({
        ...choice,
        checkpointDirectory,
        outputDirectory,
        name: "plan",
        runtime,
        progress: SILENT,
      }),
    );
    const [loadSeconds, generator] = await timed(() => openModel(outputDirectory, runtime));
    try {
      await generator.warmUp();
      const answer = async (texts: readonly string[], batchSize: number): Promise<number> => {
        const [seconds, answers] = await timed(() =>
          generator.generate(texts, { batchSize, maxTokens: target }),
        );
        // A student of random weights may end an answer at any token.
        return (seconds * target) / writtenTokens(answers);
      };
      const answerSeconds = await answer(sources.slice(0, SINGLE_ROWS), 1);
      const batchSeconds = await answer(sources, BATCH_ROWS);
      return { bytes: 4 * parameterCount(config), exportSeconds, loadSeconds, answerSeconds, batchSeconds };
    } finally {
      await generator.close();
    }
  });
}

/** Tokens of all answers, EOS included. */
const writtenTokens = (answers: readonly Generation[]): number =>
  answers.reduce((sum, { tokens, finished }) => sum + tokens.length + (finished ? 1 : 0), 0);

async function timed<Result>(body: () => Promise<Result>): Promise<readonly [number, Result]> {
  const begun = performance.now();
  const result = await body();
  return [(performance.now() - begun) / 1000, result];
}

async function firstSources(file: string, count: number): Promise<readonly string[]> {
  const sources: string[] = [];
  for await (const { source } of readRows(file)) {
    sources.push(source);
    if (sources.length === count) break;
  }
  return sources;
}
