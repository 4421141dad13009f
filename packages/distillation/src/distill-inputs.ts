import type { StageContext } from "@slm/core";
import type { ModelConfig } from "@slm/model";
import type { Engine } from "@slm/tensor";
import type { Tokenizer, TokenizerFiles } from "@slm/tokenizer";
import type { DistillConfig } from "./distill-config.js";
import type { PublishedTower } from "./student-config.js";

export interface DistillInputs {
  readonly dataDirectory: string;
  readonly tokenizerDirectory: string;
  /** Needed unless the student learns from labels alone. */
  readonly teacherDirectory?: string | undefined;
  /** The teacher's distributions over the data's targets; made for the run where absent. */
  readonly cacheDirectory?: string | undefined;
  /** The tower that `student.vision.published` names. */
  readonly published?: PublishedTower | undefined;
  /** Receives the checkpoint; state of an interrupted run is found here. */
  readonly workDirectory: string;
  readonly engine: Engine;
  readonly context: StageContext;
}

/** A distillation: its settings, its inputs, and what follows from both. */
export interface DistillRun {
  readonly settings: DistillConfig;
  readonly inputs: DistillInputs;
  /** The student. */
  readonly config: ModelConfig;
  readonly files: TokenizerFiles;
  readonly tokenizer: Tokenizer;
}
