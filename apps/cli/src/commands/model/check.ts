import { Flags } from "@oclif/core";
import type { HuggingFaceReport, ReferenceReport } from "@slm/checkpoints";
import { engineFlag, threadsFlag } from "../../flags/recipe-flags.js";
import { SlmCommand } from "../../ui/slm-command.js";

export class ModelCheckCommand extends SlmCommand<ReferenceReport | HuggingFaceReport> {
  static override summary =
    "Compare an encoder-decoder with a reference: outputs, losses, gradients, answers.";
  static override description =
    "The directory contains config.json, model.safetensors, expected.safetensors and gradients.safetensors. Or it contains a published " +
    "encoder-decoder in Hugging Face's layout, with expected.safetensors (input_ids, attention_mask, decoder_input_ids, " +
    "encoder_output, logits) and expected.json (greedy and beams: token ids of 12 new tokens, with 4 beams). Exits with code 3 if " +
    "a difference is larger than rounding explains.";
  static override flags = {
    reference: Flags.string({
      required: true,
      helpValue: "<dir>",
      summary: "Compare with the reference in this directory.",
    }),
    engine: engineFlag({ default: "onnx" }),
    threads: threadsFlag,
  };
  static override examples = ["<%= config.bin %> model check --reference fixtures/tiny --engine js"];

  protected override async execute(): Promise<ReferenceReport | HuggingFaceReport> {
    const { flags } = await this.parse(ModelCheckCommand);
    const { checkModel } = await import("@slm/slm/functions/check-model");
    return checkModel(flags.reference, flags);
  }

  protected override lines(report: ReferenceReport | HuggingFaceReport): readonly string[] {
    const { encoderOutput, logits, pass } = report;
    return [
      `encoder output  max difference ${encoderOutput.maxAbs.toPrecision(4)}`,
      `logits          max difference ${logits.maxAbs.toPrecision(4)}`,
      ...("greedy" in report ? answerLines(report) : trainingLines(report)),
      pass ? "pass" : "FAIL",
    ];
  }
}

const answerLines = ({ greedy, beams, searches, leftOut }: HuggingFaceReport): readonly string[] => [
  ...Object.entries({ greedy, beams, searches }).flatMap(([name, result]) =>
    result === undefined
      ? []
      : [`${name.padEnd(15)} ${result.same ? "the same tokens" : "DIFFERENT tokens"}`],
  ),
  ...(leftOut === undefined ? [] : [`not compared: ${leftOut}`]),
];

const trainingLines = ({ losses, gradients }: ReferenceReport): readonly string[] => [
  ...Object.entries(losses).map(
    ([name, { expected, actual }]) =>
      `${name.padEnd(15)} expected ${expected.toFixed(6)}, got ${actual.toFixed(6)}`,
  ),
  `gradients       max relative difference ${gradients.maxRel.toPrecision(4)} at ${gradients.worst}`,
];
