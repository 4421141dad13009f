/** Directories of a tiny distillation with a vision-language student, which reads drawn lines of text. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SILENT, type StageContext } from "@slm/core";
import { temporaryFolder } from "@slm/core/testing";
import { createRandom } from "@slm/generation";
import { dataConfig, prepareData, readAllRows, textRow, type Row } from "@slm/data";
import { decoderOnlyConfig, initializeWeights } from "@slm/model";
import { writeCheckpoint } from "@slm/checkpoints";
import { createEagerEngine } from "@slm/tensor";
import { loadTokenizer, trainTokenizer, writeTokenizer } from "@slm/tokenizer";
import { distillConfig } from "../config/distill-config.js";
import { distill, type DistillReport } from "../distill.js";

const shape = {
  width: 8,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  feedForward: 12,
  decoderLayers: 1,
  maxTarget: 16,
};

/** Twelve image tokens, and twenty text tokens. */
export const visionStudent = {
  ...shape,
  encoderLayers: 1,
  maxSource: 32,
  vision: {
    tower: {
      image: { channels: 1, resize: { kind: "fit", height: 16, width: 48 } },
      patch: { height: 16, width: 4 },
      width: 4,
      layers: 1,
      heads: 1,
      feedForward: 4,
    },
  },
};

/** Draws small lines of text. */
const DRAWN_LINES = fileURLToPath(new URL("../../../../configs/ocr/dataset.ts", import.meta.url));

type Settings = Readonly<Record<string, unknown>>;

interface RunOptions {
  readonly work?: string;
  readonly withTeacher?: boolean;
  readonly context?: Partial<StageContext>;
}

/** A temporary directory with data, tokenizer and a text-only teacher, prepared for every test. */
export class VisionRun {
  private readonly root = temporaryFolder({ each: true });

  async prepare(): Promise<void> {
    const source = { module: DRAWN_LINES, rows: 16, width: 48, height: 16, maxCharacters: 8, prompt: "read" };
    for (const name of ["data", "tokenizer", "teacher"]) await mkdir(this.at(name));
    await prepareData(dataConfig.parse({ source, devFraction: 0.2, testFraction: 0.01 }), this.at("data"));
    const rows = await this.rows();
    const texts = [...rows, ...rows.map(textRow)];
    const files = await trainTokenizer(texts, { kind: "bpe", vocabularySize: 264, spaces: "joined" });
    await writeTokenizer(files, this.at("tokenizer"));
    const { vocabularySize, tokens } = await loadTokenizer(this.at("tokenizer"));
    const config = decoderOnlyConfig.parse({ ...shape, maxSource: 40, vocabularySize, tokens });
    const weights = initializeWeights(config, createRandom(1).next);
    await writeCheckpoint(this.at("teacher"), { config, weights });
  }

  at(...names: string[]): string {
    return join(this.root, ...names);
  }

  rows(): Promise<readonly Row[]> {
    return readAllRows(this.at("data", "train.jsonl"));
  }

  async distill(
    section: Settings = {},
    { work = "work", withTeacher = false, context }: RunOptions = {},
  ): Promise<DistillReport> {
    const settings = distillConfig.parse({
      student: visionStudent,
      loss: withTeacher ? {} : { forwardKl: 0, crossEntropy: 1 },
      steps: 4,
      batchSize: 3,
      buckets: 2,
      warmupSteps: 1,
      evaluateEvery: 100,
      evaluateRows: 2,
      metrics: ["cer"],
      ...section,
    });
    await mkdir(this.at(work), { recursive: true });
    return distill(settings, {
      dataDirectory: this.at("data"),
      tokenizerDirectory: this.at("tokenizer"),
      ...(withTeacher ? { teacherDirectory: this.at("teacher") } : {}),
      workDirectory: this.at(work),
      engine: await createEagerEngine("js"),
      context: { progress: SILENT, signal: new AbortController().signal, seed: 1, ...context },
    });
  }

  /** The bytes of a run's weights. */
  weights(work: string): Promise<Buffer> {
    return readFile(this.at(work, "model.safetensors"));
  }
}
