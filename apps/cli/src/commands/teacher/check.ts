import { Args, Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import { engineFlag, threadsFlag } from "../../flags/recipe-flags.js";
import type { CheckedTeacher } from "@slm/slm/functions/check-model";
import { SlmCommand } from "../../ui/slm-command.js";

const numberFlag = (name: string, text: string, most: number): number => {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= most) return value;
  throw new SlmError("USAGE", `--${name}: expected a number from 0 to ${most}, got '${text}'`);
};

export class TeacherCheckCommand extends SlmCommand<CheckedTeacher> {
  static override summary =
    "Compare the next-token distributions of a decoder-only checkpoint with a reference implementation.";
  static override description =
    "The reference is a safetensors file of texts and distributions. docs/formats/teacher-reference.md in slm's repository describes it. " +
    "Exits with code 3 if too few top-1 tokens agree, or if the KL divergence is too large.";
  static override args = {
    model: Args.string({ required: true, description: "Directory of a decoder-only checkpoint." }),
  };
  static override flags = {
    reference: Flags.string({
      required: true,
      helpValue: "<file>",
      summary: "Compare with this reference file.",
    }),
    "min-agreement": Flags.string({
      default: "0.97",
      helpValue: "<share>",
      summary: "Require at least this share of positions with the same top-1 token.",
    }),
    "max-kl": Flags.string({
      default: "0.02",
      helpValue: "<nats>",
      summary: "Require a mean KL(reference || model) per position of at most this [nats].",
    }),
    engine: engineFlag({ default: "onnx" }),
    threads: threadsFlag,
  };
  static override examples = ["<%= config.bin %> teacher check qwen --reference qwen-logits.safetensors"];

  protected override async execute(): Promise<CheckedTeacher> {
    const { args, flags } = await this.parse(TeacherCheckCommand);
    const { checkTeacher } = await import("@slm/slm/functions/check-model");
    const { engine, threads } = flags;
    return checkTeacher(args.model, flags.reference, {
      minAgreement: numberFlag("min-agreement", flags["min-agreement"], 1),
      maxKl: numberFlag("max-kl", flags["max-kl"], Number.MAX_VALUE),
      engine,
      threads,
      ...this.work,
    });
  }

  protected override lines(result: CheckedTeacher): readonly string[] {
    const { positions, rows, agreement, meanKl, maxAbs, pass } = result;
    return [
      `positions       ${String(positions)} of ${String(rows)} rows`,
      `agreement       ${(100 * agreement).toFixed(2)} %`,
      `mean KL         ${meanKl.toPrecision(3)} nats`,
      `max difference  ${maxAbs.toPrecision(3)}`,
      pass ? "pass" : "FAIL",
    ];
  }
}
