import { Flags } from "@oclif/core";
import type { ReferenceReport } from "@slm/checkpoints";
import { GateFailed } from "../../gate-failed.js";
import { engineFlag, threadsFlag } from "../../recipe-flags.js";
import { SlmCommand } from "../../slm-command.js";

export class ModelCheckCommand extends SlmCommand<ReferenceReport> {
  static override summary = "Compare the encoder-decoder with a reference: outputs, losses, gradients.";
  static override description =
    "The directory holds config.json, model.safetensors, expected.safetensors and gradients.safetensors. Exit 3 if " +
    "anything differs by more than rounding explains.";
  static override flags = {
    reference: Flags.string({ required: true, helpValue: "<dir>", summary: "Directory of the reference." }),
    engine: engineFlag({ default: "onnx" }),
    threads: threadsFlag,
  };
  static override examples = ["<%= config.bin %> model check --reference fixtures/tiny --engine js"];

  protected override async execute(): Promise<ReferenceReport> {
    const { flags } = await this.parse(ModelCheckCommand);
    const { checkReference, REFERENCE_TOLERANCES } = await import("@slm/checkpoints");
    const { withEngine } = await import("../../compute/open-engine.js");
    const report = await withEngine(flags, (engine) => checkReference(flags.reference, engine));
    if (report.pass) return report;
    const { output, loss, gradient } = REFERENCE_TOLERANCES;
    throw new GateFailed(
      `${flags.reference}: the model differs from the reference; tolerances: outputs ${output}, losses ${loss} ` +
        `relative, gradients ${gradient} relative`,
      report,
      ["compare engines: slm model check --reference DIR --engine js"],
    );
  }

  protected override lines(report: ReferenceReport): readonly string[] {
    const { encoderOutput, logits, losses, gradients, pass } = report;
    const number = (value: number): string => value.toPrecision(4);
    return [
      `encoder output  max difference ${number(encoderOutput.maxAbs)}`,
      `logits          max difference ${number(logits.maxAbs)}`,
      ...Object.entries(losses).map(
        ([name, { expected, actual }]) =>
          `${name.padEnd(15)} expected ${expected.toFixed(6)}, got ${actual.toFixed(6)}`,
      ),
      `gradients       max relative difference ${number(gradients.maxRel)} at ${gradients.worst}`,
      pass ? "pass" : "FAIL",
    ];
  }
}
