import { Args, Flags } from "@oclif/core";
import type { PathAnalysis } from "@slm/analysis";
import { SlmError } from "@slm/core/errors";
import { TARGETS } from "@slm/devices";
import type { DeviceModel } from "@slm/exported-model";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { GateFailed } from "@slm/slm/models/gate-failed";
import { shapeFlag } from "../flags/shape-flag.js";
import { profileFlag } from "../flags/profile-flag.js";
import { SlmCommand } from "../ui/slm-command.js";

export class AnalyzeCommand extends SlmCommand<PathAnalysis> {
  static override summary = "Check an ONNX model against the rules of a device, without the device.";
  static override description =
    "Takes any ONNX file, or a directory of them. The model is not run: operators, shapes, types and QDQ nodes are checked " +
    "by rules. The report says which program confirmed the rules (npu:qnn and webgpu: the compiler itself), or that none was asked. Exit 3 if the device does not support the model as it is.";
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
    const { parseSizes } = await import("@slm/slm/models/parse-sizes");
    this.#reportLines = reportLines;
    const exported = await exportedFor(args.model);
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

  /** The command that would fix the dynamic axes of one file. */
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

/** What model.json says of a directory's graphs; undefined for a file and for graphs of other programs. @throws SlmError DATA_INVALID */
async function exportedFor(path: string): Promise<Pick<DeviceModel, "target" | "profile"> | undefined> {
  const { DEVICE_MODEL_FILE, readDeviceModel } = await import("@slm/exported-model");
  return existsSync(join(path, DEVICE_MODEL_FILE)) ? readDeviceModel(path) : undefined;
}
