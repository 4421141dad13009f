import { Args, Flags } from "@oclif/core";
import type { ExportReport } from "@slm/onnx-export";
import { formatBytes, formatNumber } from "../output/format.js";
import { threadsFlag } from "../recipe-flags.js";
import { SlmCommand } from "../slm-command.js";

export interface ExportResult extends ExportReport {
  readonly artifact: string;
}

export class ExportCommand extends SlmCommand<ExportResult> {
  static override summary = "Write a checkpoint as ONNX graphs for a target, and compare them with it.";
  static override args = {
    checkpoint: Args.string({ required: true, description: "Checkpoint directory." }),
  };
  static override flags = {
    target: Flags.option({ options: ["cpu"] as const })({
      default: "cpu",
      summary: "What the graphs are made for.",
    }),
    output: Flags.string({
      char: "o",
      helpValue: "<dir>",
      summary: "Directory to write. Default: CHECKPOINT-<target>, beside it.",
    }),
    threads: threadsFlag,
  };
  static override examples = ["<%= config.bin %> export runs/quickstart/distill --target cpu -o exported"];

  protected override async execute(): Promise<ExportResult> {
    const { args, flags } = await this.parse(ExportCommand);
    const { exportModel } = await import("@slm/onnx-export");
    const { withRuntime } = await import("../compute/open-engine.js");
    const { siblingPath, writeStandalone } = await import("../models/standalone-artifact.js");
    const { readModelConfig } = await import("@slm/model");
    const { target, output = siblingPath(args.checkpoint, target) } = flags;
    await readModelConfig(args.checkpoint);
    const { progress } = this.context(1);
    const report = await withRuntime(flags.threads, (runtime) =>
      writeStandalone(
        { directory: output, kind: "export", sources: { checkpoint: args.checkpoint }, settings: { target } },
        (work) =>
          exportModel({
            checkpointDirectory: args.checkpoint,
            outputDirectory: work,
            target,
            runtime,
            progress,
            signal: this.signal,
          }),
      ),
    );
    return { ...report, artifact: output };
  }

  protected override lines({ files, opset, parity, parameters, artifact }: ExportResult): readonly string[] {
    const compared =
      parity === null ? "not compared" : `logits differ by at most ${formatNumber(parity.maxAbs)}`;
    return [
      ...files.map(({ path, bytes }) => `${formatBytes(bytes).padStart(10)}  ${path}`),
      `${formatNumber(parameters)} parameters, opset ${opset}, ${compared}`,
      artifact,
    ];
  }
}
