/** Every command by its id. Command files are light: what computes is imported when a command runs. */
import type { Command } from "@oclif/core";
import { BenchCommand } from "./commands/bench.js";
import { DataInspectCommand } from "./commands/data/inspect.js";
import { DataPrepareCommand } from "./commands/data/prepare.js";
import { DeployCommand } from "./commands/deploy.js";
import { DistillCommand } from "./commands/distill.js";
import { DoctorCommand } from "./commands/doctor.js";
import { EvalCommand } from "./commands/eval.js";
import { ExportCommand } from "./commands/export.js";
import { GenerateCommand } from "./commands/generate.js";
import { ModelCheckCommand } from "./commands/model/check.js";
import { QuantizeCommand } from "./commands/quantize.js";
import { RunCommand } from "./commands/run.js";
import { TeacherTrainCommand } from "./commands/teacher/train.js";
import { TokenizerTrainCommand } from "./commands/tokenizer/train.js";
import { VerifyCommand } from "./commands/verify.js";

export const commands: Readonly<Record<string, Command.Class>> = {
  run: RunCommand,
  "data:inspect": DataInspectCommand,
  "data:prepare": DataPrepareCommand,
  "tokenizer:train": TokenizerTrainCommand,
  "teacher:train": TeacherTrainCommand,
  distill: DistillCommand,
  export: ExportCommand,
  quantize: QuantizeCommand,
  generate: GenerateCommand,
  eval: EvalCommand,
  bench: BenchCommand,
  deploy: DeployCommand,
  verify: VerifyCommand,
  "model:check": ModelCheckCommand,
  doctor: DoctorCommand,
};
