/** Directories and runs of a tiny distillation. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SILENT, type Progress, type StageContext } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { decoderOnlyConfig, initializeWeights, type ModelConfig } from "@slm/model";
import { writeCheckpoint } from "@slm/checkpoints";
import { createEagerEngine } from "@slm/tensor";
import { loadTokenizer, trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { distillConfig } from "../config/distill-config.js";
import { distill, type DistillReport } from "../distill.js";

export const shape = {
  width: 8,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  feedForward: 12,
  decoderLayers: 1,
  maxSource: 4,
  maxTarget: 5,
};

const words = ["a", "ab", "ba", "bb", "aab", "bab"];
const spelled = (word: string): string => word.toUpperCase().replaceAll(/\B/gu, " ");

type Settings = Readonly<Record<string, unknown>>;

interface RunOptions {
  readonly work?: string;
  readonly cache?: string;
  readonly withoutTeacher?: boolean;
  readonly context?: Partial<StageContext>;
}

/** A temporary directory with data, tokenizer and teacher, prepared for every test. */
export class TinyRun {
  private readonly root = temporaryFolder({ each: true });

  async prepare(): Promise<void> {
    for (const name of ["data", "tokenizer", "teacher", "work"]) await mkdir(this.at(name));
    const rows = words.map((source) => ({ source, target: spelled(source) }));
    const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    for (const name of ["train", "dev"]) await writeFile(this.at("data", `${name}.jsonl`), text);
    await this.writeTokenizerOf("tokenizer", words.map(spelled));
    await this.writeTeacher();
  }

  at(...names: string[]): string {
    return join(this.root, ...names);
  }

  async writeTokenizerOf(directory: string, targets: readonly string[]): Promise<void> {
    const files = trainSymbolTokenizer({ sources: words, targets: [...targets], sourceLowercase: false });
    await writeTokenizer(files, this.at(directory));
  }

  /** A teacher with random weights and the vocabulary of the tokenizer in `vocabulary`. */
  async writeTeacher(
    make: (fields: { vocabularySize: number; tokens: object }) => ModelConfig = (fields) =>
      decoderOnlyConfig.parse({ ...shape, ...fields }),
    vocabulary = "tokenizer",
  ): Promise<void> {
    const { vocabularySize, tokens } = await loadTokenizer(this.at(vocabulary));
    const config = make({ vocabularySize, tokens });
    const weights = initializeWeights(config, createRandom(1).next);
    await writeCheckpoint(this.at("teacher"), { config, weights });
  }

  async distill(section: Settings = {}, options: RunOptions = {}): Promise<DistillReport> {
    const settings = distillConfig.parse({
      student: { ...shape, encoderLayers: 1 },
      steps: 4,
      batchSize: 2,
      warmupSteps: 1,
      evaluateEvery: 2,
      evaluateRows: 3,
      metrics: ["wer", "per"],
      ...section,
    });
    const work = this.at(options.work ?? "work");
    await mkdir(work, { recursive: true });
    return distill(settings, {
      dataDirectory: this.at("data"),
      tokenizerDirectory: this.at("tokenizer"),
      teacherDirectory: options.withoutTeacher === true ? undefined : this.at("teacher"),
      cacheDirectory: options.cache === undefined ? undefined : this.at(options.cache),
      workDirectory: work,
      engine: await createEagerEngine("js"),
      context: { progress: SILENT, signal: new AbortController().signal, seed: 1, ...options.context },
    });
  }

  /** Lines of a run's metrics log, without times. */
  async log(work = "work"): Promise<Record<string, unknown>[]> {
    const text = await readFile(this.at(work, "metrics.jsonl"), "utf8");
    return text
      .trim()
      .split("\n")
      .map((line) => ({ ...(JSON.parse(line) as Record<string, unknown>), tokensPerSecond: 0, wallTime: 0 }));
  }
}

/** Interrupts a run at the n-th report of a step. */
export function stopAt(
  step: number,
  occurrence = 1,
): { readonly progress: Progress; readonly signal: AbortSignal } {
  const controller = new AbortController();
  let seen = 0;
  const progress: Progress = (update) => {
    if (update.message !== undefined || update.step !== step) return;
    seen += 1;
    if (seen === occurrence) controller.abort();
  };
  return { progress, signal: controller.signal };
}
