import type { StageContext } from "@slm/core";
import type { ModelConfig } from "@slm/model";
import type { Engine } from "@slm/tensor";
import type { Tokenizer, TokenizerFiles } from "@slm/tokenizer";
import type { ReportHead } from "./distill-report.js";
import type { DistillConfig } from "./distill-config.js";
import type { PublishedTower } from "./student-config.js";

export interface DistillInputs {
  readonly dataDirectory: string;
  readonly tokenizerDirectory: string;
  /** Required unless the student trains only on labels. */
  readonly teacherDirectory?: string | undefined;
  /** Cache of the teacher's distributions over the gold targets. By default, the run creates a temporary one. */
  readonly cacheDirectory?: string | undefined;
  /** The tower named by `student.vision.published`. */
  readonly published?: PublishedTower | undefined;
  /** Output directory of the checkpoint, and of the state of an interrupted run. */
  readonly workDirectory: string;
  /** Heading of the report of a student with this many parameters. Default: only a title. */
  readonly page?: ((parameters: number) => ReportHead) | undefined;
  readonly engine: Engine;
  readonly context: StageContext;
}

/** Settings and inputs of a distillation, and values derived from them. */
export interface DistillRun {
  readonly settings: DistillConfig;
  readonly inputs: DistillInputs;
  /** The student. */
  readonly config: ModelConfig;
  readonly files: TokenizerFiles;
  readonly tokenizer: Tokenizer;
}
