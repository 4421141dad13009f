/** Every command by its id. Command files import no library statically; a command loads what it needs when it runs. */
import type { Command } from "@oclif/core";
import { AnalyzeCommand } from "./commands/analyze.js";
import { BenchCommand } from "./commands/bench.js";
import { CompileCommand } from "./commands/compile.js";
import { DataInspectCommand } from "./commands/data/inspect.js";
import { DataPrepareCommand } from "./commands/data/prepare.js";
import { DeployCommand } from "./commands/deploy.js";
import { DeviceAddCommand } from "./commands/device/add.js";
import { DeviceRemoveCommand } from "./commands/device/remove.js";
import { DistillCommand } from "./commands/distill.js";
import { DoctorCommand } from "./commands/doctor.js";
import { EvalCommand } from "./commands/eval.js";
import { ExportCommand } from "./commands/export.js";
import { GateCommand } from "./commands/gate.js";
import { GenerateCommand } from "./commands/generate.js";
import { ImportCommand } from "./commands/import.js";
import { InfoCommand } from "./commands/info.js";
import { InitCommand } from "./commands/init.js";
import { ModelCheckCommand } from "./commands/model/check.js";
import { ModelInitCommand } from "./commands/model/init.js";
import { PullCommand } from "./commands/pull.js";
import { QuantizeCommand } from "./commands/quantize.js";
import { ReportCommand } from "./commands/report.js";
import { RunCommand } from "./commands/run.js";
import { SchemaCommand } from "./commands/schema.js";
import { ServeCommand } from "./commands/serve.js";
import { SweepCommand } from "./commands/sweep.js";
import { TeacherCacheCommand } from "./commands/teacher/cache.js";
import { TeacherCheckCommand } from "./commands/teacher/check.js";
import { TeacherEvalCommand } from "./commands/teacher/eval.js";
import { TeacherTrainCommand } from "./commands/teacher/train.js";
import { TokenizerTrainCommand } from "./commands/tokenizer/train.js";
import { TryCommand } from "./commands/try.js";
import { VerifyCommand } from "./commands/verify.js";
import { WorkerCommand } from "./commands/worker.js";

export const commands: Readonly<Record<string, Command.Class>> = {
  try: TryCommand,
  init: InitCommand,
  import: ImportCommand,
  run: RunCommand,
  "data:inspect": DataInspectCommand,
  "data:prepare": DataPrepareCommand,
  "tokenizer:train": TokenizerTrainCommand,
  "teacher:train": TeacherTrainCommand,
  "teacher:check": TeacherCheckCommand,
  "teacher:eval": TeacherEvalCommand,
  "teacher:cache": TeacherCacheCommand,
  distill: DistillCommand,
  sweep: SweepCommand,
  export: ExportCommand,
  analyze: AnalyzeCommand,
  quantize: QuantizeCommand,
  compile: CompileCommand,
  generate: GenerateCommand,
  eval: EvalCommand,
  bench: BenchCommand,
  deploy: DeployCommand,
  pull: PullCommand,
  serve: ServeCommand,
  info: InfoCommand,
  gate: GateCommand,
  schema: SchemaCommand,
  report: ReportCommand,
  verify: VerifyCommand,
  "model:check": ModelCheckCommand,
  "model:init": ModelInitCommand,
  doctor: DoctorCommand,
  "device:add": DeviceAddCommand,
  "device:remove": DeviceRemoveCommand,
  worker: WorkerCommand,
};
