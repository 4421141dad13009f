import { Args, Flags } from "@oclif/core";
import { formatNumber } from "@slm/core/format";
import type { RandomCheckpoint } from "@slm/slm/init/random-checkpoint";
import { SlmCommand } from "../../ui/slm-command.js";

export class ModelInitCommand extends SlmCommand<RandomCheckpoint> {
  static override summary = "Write a checkpoint of a given shape with random weights.";
  static override description =
    "Use it to measure the speed and memory of a model of that size: export, quantize and bench accept it like a trained model. The file " +
    "has the keys of a checkpoint's config.json.";
  static override args = {
    config: Args.string({ required: true, description: "YAML or JSON file with the model's shape." }),
  };
  static override flags = {
    output: Flags.string({
      char: "o",
      required: true,
      helpValue: "<dir>",
      summary: "Write to this directory.",
    }),
    seed: Flags.integer({ min: 0, default: 1, summary: "Draw the weights with this seed." }),
  };
  static override examples = ["<%= config.bin %> model init configs/paper-330m/model.yaml -o paper-330m"];

  protected override async execute(): Promise<RandomCheckpoint> {
    const { args, flags } = await this.parse(ModelInitCommand);
    const { initModel } = await import("@slm/slm/init/random-checkpoint");
    return initModel(args.config, { ...flags, ...this.work });
  }

  protected override lines({ artifact, parameters }: RandomCheckpoint): readonly string[] {
    return [`${formatNumber(parameters)} parameters, random`, artifact];
  }
}
