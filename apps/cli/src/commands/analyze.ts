import { Args, Flags } from "@oclif/core";
import type { PathAnalysis } from "@slm/analysis";
import { TARGETS } from "@slm/devices";
import { shapeFlag } from "../flags/shape-flag.js";
import { profileFlag } from "../flags/profile-flag.js";
import { SlmCommand } from "../ui/slm-command.js";

export class AnalyzeCommand extends SlmCommand<PathAnalysis> {
  static override summary = "Check an ONNX model against the rules of a device, without the device.";
  static override description =
    "MODEL is an ONNX file or a directory of ONNX files. slm does not run the model. It checks operators, shapes, types and QDQ nodes " +
    "by rules that a compiler or ONNX Runtime itself confirmed: for cpu, webgpu, npu:qnn and npu:openvino. For other devices it " +
    "finds only errors that no such device accepts, answers 'not confirmed' and prints the command that asks the device. " +
    "Exits with code 3 if the device does not support the model as it is.";
  static override args = {
    model: Args.string({ required: true, description: "ONNX file, or a directory with ONNX files." }),
  };
  static override flags = {
    target: Flags.option({ options: TARGETS })({
      summary:
        "Kind of device. Default: the target in model.json of an exported model. On gpu and web, operators that the device does not support fall back to the CPU.",
    }),
    profile: profileFlag,
    shape: shapeFlag,
  };
  static override examples = [
    "<%= config.bin %> analyze runs/quickstart/export --target npu --profile qnn",
    "<%= config.bin %> analyze model.onnx --target gpu --profile webgpu --json",
    "<%= config.bin %> analyze detector.onnx --target npu --shape image=1,3,640,640",
  ];

  protected override async execute(): Promise<PathAnalysis> {
    const { args, flags } = await this.parse(AnalyzeCommand);
    const { reportLines } = await import("@slm/analysis");
    const { analyze, requireSupported } = await import("@slm/slm/functions/analyze");
    const { target, profile, shape: shapes } = flags;
    const analysis = await analyze(args.model, { target, profile, shapes, signal: this.signal });
    this.#reportLines = reportLines;
    requireSupported(analysis);
    return analysis;
  }

  #reportLines: (analysis: PathAnalysis) => readonly string[] = () => [];

  protected override lines(analysis: PathAnalysis): readonly string[] {
    return this.#reportLines(analysis);
  }
}
