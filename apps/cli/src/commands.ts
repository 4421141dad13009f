/** Every command by its id. Command files are light: what computes is imported when a command runs. */
import type { Command } from "@oclif/core";
import { DataInspectCommand } from "./commands/data/inspect.js";
import { DataPrepareCommand } from "./commands/data/prepare.js";
import { DoctorCommand } from "./commands/doctor.js";
import { RunCommand } from "./commands/run.js";
import { TokenizerTrainCommand } from "./commands/tokenizer/train.js";
import { VerifyCommand } from "./commands/verify.js";

export const commands: Readonly<Record<string, Command.Class>> = {
  run: RunCommand,
  "data:inspect": DataInspectCommand,
  "data:prepare": DataPrepareCommand,
  "tokenizer:train": TokenizerTrainCommand,
  verify: VerifyCommand,
  doctor: DoctorCommand,
};
