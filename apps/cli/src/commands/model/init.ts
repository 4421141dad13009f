import { Args, Flags } from "@oclif/core";
import { formatNumber } from "@slm/core/format";
import { SlmCommand } from "../../ui/slm-command.js";

export interface ModelInitResult {
  readonly artifact: string;
  readonly parameters: number;
  readonly seed: number;
}

export class ModelInitCommand extends SlmCommand<ModelInitResult> {
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

  protected override async execute(): Promise<ModelInitResult> {
    const { args, flags } = await this.parse(ModelInitCommand);
    const { readModelShape, writeRandomCheckpoint } = await import("@slm/slm/init/random-checkpoint");
    const { writeStandalone } = await import("@slm/models/artifacts");
    const { output, seed } = flags;
    const config = await readModelShape(args.config);
    const { progress } = this.context(seed);
    const { parameters } = await writeStandalone(
      { directory: output, kind: "checkpoint", sources: {}, settings: { config, weights: "random" }, seed },
      (work) => writeRandomCheckpoint(work, config, { seed, progress }),
    );
    return { artifact: output, parameters, seed };
  }

  protected override lines({ artifact, parameters }: ModelInitResult): readonly string[] {
    return [`${formatNumber(parameters)} parameters, random`, artifact];
  }
}
