import { Args, Flags } from "@oclif/core";
import type { PathAnalysis } from "@slm/analysis";
import { SlmError } from "@slm/core/errors";
import { TARGETS } from "@slm/devices";
import { GateFailed } from "@slm/models/gate-failed";
import { shapeFlag } from "../flags/shape-flag.js";
import { profileFlag } from "../flags/profile-flag.js";
import { SlmCommand } from "../ui/slm-command.js";

export class AnalyzeCommand extends SlmCommand<PathAnalysis> {
  static override summary = "Check an ONNX model against the rules of a device, without the device.";
  static override description =
    "MODEL is an ONNX file or a directory of ONNX files. slm does not run the model. It checks operators, shapes, types and QDQ nodes " +
    "by rules. The report says which program confirmed the rules (for npu:qnn and webgpu the compiler itself), or that none did. " +
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
    "<%= config.bin %> analyze model.onnx --target gpu --profile directml --json",
    "<%= config.bin %> analyze detector.onnx --target npu --shape image=1,3,640,640",
  ];

  protected override async execute(): Promise<PathAnalysis> {
    const { args, flags } = await this.parse(AnalyzeCommand);
    const { analyzePath, reportLines } = await import("@slm/analysis");
    const { parseSizes } = await import("@slm/models/parse-sizes");
    this.#reportLines = reportLines;
    const { exportedTarget } = await import("@slm/models/open");
    const exported = await exportedTarget(args.model);
    const target = flags.target ?? exported?.target;
    if (target === undefined) {
      throw new SlmError(
        "USAGE",
        `analyze: ${args.model} has no model.json that names its target: expected --target`,
        {
          suggestions: TARGETS.map((name) => `--target ${name}`),
        },
      );
    }
    const profile = flags.profile ?? (target === exported?.target ? exported.profile : undefined);
    this.#isOwn = exported !== undefined;
    const sizes = flags.shape.map(parseSizes);
    const analysis = await analyzePath(args.model, { target, profile, sizes, signal: this.signal });
    if (analysis.supported) return analysis;
    const { error } = analysis.summary.findings;
    const first = analysis.findings.find(({ severity }) => severity === "error");
    throw new GateFailed(
      `${args.model} is not supported by ${analysis.device}: ${error} ${error === 1 ? "error" : "errors"}, ` +
        `the first: ${first?.message ?? "none listed"}`,
      analysis,
      [...(first === undefined ? [] : [first.advice]), ...this.#fixingCommand(analysis)],
    );
  }

  /** A command with sizes for all dynamic axes, if a file has some. */
  #fixingCommand({ model, target, profile, graphs }: PathAnalysis): readonly string[] {
    const flags = [...new Set(graphs.flatMap(({ openSizes }) => openSizes))];
    if (flags.length === 0) return [];
    return [`slm analyze ${model} --target ${target} --profile ${profile} ${flags.join(" ")}`];
  }

  #reportLines: (analysis: PathAnalysis, isOwn: boolean) => readonly string[] = () => [];
  /** Whether slm exported the graphs. */
  #isOwn = false;

  protected override lines(analysis: PathAnalysis): readonly string[] {
    return this.#reportLines(analysis, this.#isOwn);
  }
}
