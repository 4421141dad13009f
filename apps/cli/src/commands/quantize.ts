import { Args, Flags } from "@oclif/core";
import { SCHEME_NAMES } from "@slm/devices/table";
import type { RuntimeDevice } from "@slm/runtime";
import type {
  BlockMethod,
  BlockSize,
  CalibrationMethod,
  QuantizeFileReport,
  QuantizeReport,
  QuantizeTransformersReport,
  WeightFormat,
} from "@slm/quantization";
import { GateFailed } from "../errors.js";
import { formatBytes } from "../output/format.js";
import type { GatedQuantization } from "../models/gated-quantization.js";
import { quantizeLines } from "../output/quantize-lines.js";
import { threadsFlag } from "../recipe-flags.js";
import { shapeFlag } from "../models/shape-flag.js";
import { SlmCommand } from "../slm-command.js";
import { dirname } from "node:path";

/** Lists of their own, so that reading flags loads no library. */
const METHODS = ["rtn", "search", "hqq", "gptq"] as const satisfies readonly BlockMethod[];
const FORMATS = [
  "float32",
  "int8-dynamic",
  "int8-block",
  "int4-block",
] as const satisfies readonly WeightFormat[];
const CALIBRATIONS = ["minmax", "percentile", "entropy"] as const satisfies readonly CalibrationMethod[];
const BLOCKS: Readonly<Record<string, BlockSize>> = { "16": 16, "32": 32, "64": 64, "128": 128 };

/** Of a model directory; graphs of other layouts have no gate, and a foreign file's report says how its outputs changed. */
export type QuantizeResult = (
  | (QuantizeReport & GatedQuantization)
  | (QuantizeFileReport & { readonly gate: null })
  | (QuantizeTransformersReport & { readonly gate: null })
) & {
  /** What measured; absent where nothing was. */
  readonly device?: RuntimeDevice | undefined;
  readonly artifact: string;
};

export class QuantizeCommand extends SlmCommand<QuantizeResult> {
  static override summary = "Shrink a model; with --gate, only if it stays good enough.";
  static override description =
    "MODEL is an exported model, a checkpoint, or any ONNX file.\n" +
    "A gate compares a metric of the float32 and the quantized model on the rows of --data, or of --calibration. " +
    "Exit 3 if it fails; then nothing is written and the model is kept as it was.\n" +
    "Static schemes, --method gptq, --smooth, --sensitivity and --budget learn from real data: --calibration.";
  static override args = {
    model: Args.string({
      required: true,
      description: "Float32 export of either layout, checkpoint, or .onnx file.",
    }),
  };
  static override flags = {
    scheme: Flags.option({ options: SCHEME_NAMES })({
      required: true,
      summary: "Weight formats of the graphs.",
    }),
    output: Flags.string({
      char: "o",
      helpValue: "<dir>",
      summary: "Directory to write. Default: MODEL-<scheme>, beside it.",
    }),
    method: Flags.option({ options: METHODS })({
      summary:
        "How 4-bit codes are chosen. Default: gptq with --calibration (not in large models), else search.",
      helpGroup: "WEIGHTS",
    }),
    "block-size": Flags.custom<BlockSize>({
      options: Object.keys(BLOCKS),
      parse: (text) => Promise.resolve(BLOCKS[text]!),
    })({
      summary: "Weights that share one scale. Default: 32; narrow 4-bit matrices without --calibration: 16.",
      helpGroup: "WEIGHTS",
    }),
    symmetric: Flags.boolean({
      default: false,
      summary: "Blocks without zero points.",
      helpGroup: "WEIGHTS",
    }),
    embedding: Flags.option({ options: FORMATS })({
      summary: "Format of the embedding and of a head that shares it. Default: the scheme's, 8 bits for 4.",
      helpGroup: "WEIGHTS",
    }),
    "reduce-range": Flags.option({ options: ["auto", "on", "off", "this-cpu"] as const })({
      default: "auto",
      summary:
        "int8 weights in 7 bits: right on every CPU, in every program. auto: not for target npu; this-cpu: if this one needs it.",
      helpGroup: "WEIGHTS",
    }),
    exclude: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: "<name>",
      summary: "A weight (static schemes: a node) that stays float32; may be repeated.",
      helpGroup: "WEIGHTS",
    }),
    calibration: Flags.string({
      helpValue: "<path>",
      summary: "JSONL file of rows; for an .onnx file, a directory of .safetensors files, one per run.",
      helpGroup: "CALIBRATION",
    }),
    "calibration-rows": Flags.integer({
      min: 1,
      helpValue: "<rows>",
      summary: "Rows used, spread over all. Default: 1024, with images 256.",
      helpGroup: "CALIBRATION",
    }),
    calibrate: Flags.option({ options: CALIBRATIONS })({
      summary: "Static schemes: how ranges of activations are chosen. Default: minmax.",
      helpGroup: "CALIBRATION",
    }),
    percentile: Flags.custom<number>({ parse: (text) => Promise.resolve(Number(text)) })({
      helpValue: "<percent>",
      summary: "Share of numbers that --calibrate percentile keeps. Default: 99.999.",
      helpGroup: "CALIBRATION",
    }),
    smooth: Flags.custom<number>({ parse: (text) => Promise.resolve(Number(text)) })({
      helpValue: "<alpha>",
      summary: "Move peaks of activations into weights, 0 to 1; 0.5 is usual.",
      helpGroup: "CALIBRATION",
    }),
    gate: Flags.string({
      helpValue: "<metric:drop>",
      summary:
        "How much worse a metric may become: wordError:+0.5 [points], wordError:0.005, logitDivergence:0.01 [nats].",
      helpGroup: "QUALITY",
    }),
    data: Flags.string({
      helpValue: "<file>",
      summary: "JSONL file of rows that the gate is measured on.",
      helpGroup: "QUALITY",
    }),
    limit: Flags.integer({
      min: 1,
      helpValue: "<rows>",
      summary: "Measure the gate on the first rows only.",
      helpGroup: "QUALITY",
    }),
    sensitivity: Flags.boolean({
      default: false,
      summary:
        "Rank layers by the damage each does alone; a gate that fails then keeps the worst in float32.",
      helpGroup: "QUALITY",
    }),
    budget: Flags.string({
      helpValue: "<size>",
      summary: "Largest model, such as 2MB: each layer gets 4 bits, 8 bits or float32.",
      helpGroup: "QUALITY",
    }),
    shape: shapeFlag,
    threads: threadsFlag,
  };
  static override examples = [
    "<%= config.bin %> quantize runs/quickstart/export --scheme cpu -o small",
    "<%= config.bin %> quantize exported --scheme int4-block --method gptq --calibration train.jsonl --gate wordError:+0.5 --data test.jsonl",
    "<%= config.bin %> quantize exported --scheme int4-block --budget 2MB --calibration train.jsonl",
    "<%= config.bin %> quantize model.onnx --scheme a8w8 --calibration feeds/",
    "<%= config.bin %> quantize detector.onnx --scheme a8w8 --calibration feeds/ --shape image=1,3,640,640",
  ];

  protected override async execute(): Promise<QuantizeResult> {
    const { args, flags } = await this.parse(QuantizeCommand);
    const { checkQuantizeFlags, refuseShapes } = await import("../models/quantize-request.js");
    checkQuantizeFlags(flags);
    if (args.model.endsWith(".onnx")) return this.quantizeForeign(args.model);
    refuseShapes(flags.shape, args.model);
    const { learnsFromData, transformersGraphs } = await import("@slm/quantization");
    const { isModelDirectory } = await import("../models/locate-model.js");
    const isTransformers = !isModelDirectory(args.model) && (await transformersGraphs(args.model)).length > 0;
    if (isTransformers) return this.quantizeTransformers(args.model);
    if (learnsFromData(flags.scheme) && flags.calibration === undefined) {
      this.note("4-bit codes are chosen without data; with --calibration rows.jsonl they lose less");
    }
    return this.quantizeOwn(args.model);
  }

  private async quantizeTransformers(path: string): Promise<QuantizeResult> {
    const { flags } = await this.parse(QuantizeCommand);
    const { refuseData, weightSettings } = await import("../models/quantize-request.js");
    const { siblingPath, writeStandalone } = await import("../models/standalone-artifact.js");
    const { quantizeTransformers } = await import("@slm/quantization");
    const { withOutputThreads } = await import("../compute/output-threads.js");
    refuseData(flags, path);
    const { output = siblingPath(path, flags.scheme) } = flags;
    const { progress } = this.context(1);
    const settings = await weightSettings(flags);
    const report = await writeStandalone(
      { directory: output, kind: "quantized", settings: this.settings(flags), sources: { model: path } },
      (work) =>
        withOutputThreads(flags.threads, (run) =>
          quantizeTransformers({
            ...settings,
            ...{ modelDirectory: path, outputDirectory: work, run, progress, signal: this.signal },
          }),
        ),
    );
    return { ...report, gate: null, artifact: output };
  }

  private async quantizeOwn(path: string): Promise<QuantizeResult> {
    const { flags } = await this.parse(QuantizeCommand);
    const { gateMessage, quantizeWithGate, readGateRequest } =
      await import("../models/gated-quantization.js");
    const { directoryOptions } = await import("../models/quantize-request.js");
    const { siblingPath, writeStandalone } = await import("../models/standalone-artifact.js");
    const { withModel } = await import("../models/open-model.js");
    const { withRuntime } = await import("../compute/open-engine.js");
    const { parseBytes } = await import("@slm/quantization");
    const { withOutputThreads } = await import("../compute/output-threads.js");
    const { scheme, sensitivity, output = siblingPath(path, scheme) } = flags;
    const gate = await readGateRequest({ ...flags, data: flags.data ?? flags.calibration });
    const budget = flags.budget === undefined ? undefined : parseBytes(flags.budget);
    const { progress } = this.context(1);
    const context = { progress, signal: this.signal };
    return withRuntime(flags.threads, (runtime) =>
      withModel(path, { runtime, ...context }, async (model) => {
        const settings = await directoryOptions(flags, model, runtime);
        const report = await writeStandalone(
          { directory: output, kind: "quantized", sources: { model }, settings: this.settings(flags) },
          async (work) => {
            const result = await withOutputThreads(flags.threads, (run) =>
              quantizeWithGate({
                options: { ...settings, ...context, run, outputDirectory: work },
                ...{ gate, sensitivity, budget, runtime, context },
              }),
            );
            if (result.gate?.pass !== false) return result;
            throw new GateFailed(gateMessage(scheme, result.gate), { ...result, artifact: path }, [
              "slm quantize MODEL --scheme int8-dynamic",
              "keep the worst layers: --sensitivity --calibration rows.jsonl",
              "accept more: --gate metric:+points",
            ]);
          },
        );
        return { ...report, device: runtime.device, artifact: output };
      }),
    );
  }

  private async quantizeForeign(path: string): Promise<QuantizeResult> {
    const { flags } = await this.parse(QuantizeCommand);
    const { fileOptions, refuseGate } = await import("../models/quantize-request.js");
    const { siblingPath, writeStandalone } = await import("../models/standalone-artifact.js");
    const { withRuntime } = await import("../compute/open-engine.js");
    const { quantizeFile, quantizedFileIn } = await import("@slm/quantization");
    const { withOutputThreads } = await import("../compute/output-threads.js");
    refuseGate(flags.gate, path);
    const { output = siblingPath(path.replace(/\.onnx$/, ""), flags.scheme) } = flags;
    const { progress } = this.context(1);
    return withRuntime(flags.threads, async (runtime) => {
      const settings = await fileOptions(flags, path, runtime);
      const report = await writeStandalone(
        {
          ...{ directory: output, kind: "quantized", settings: this.settings(flags) },
          sources: { model: dirname(path) },
        },
        (work) =>
          withOutputThreads(flags.threads, (run) =>
            quantizeFile({
              ...{ ...settings, run, progress, signal: this.signal },
              output: quantizedFileIn(work, path),
            }),
          ),
      );
      return { ...report, gate: null, device: runtime.device, artifact: output };
    });
  }

  /** The flags that decide what is written. */
  private settings(flags: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    const left = new Set(["output", "threads", "json", "quiet", "debug"]);
    return Object.fromEntries(Object.entries(flags).filter(([name]) => !left.has(name)));
  }

  protected override lines(result: QuantizeResult): readonly string[] {
    const { bytesBefore, bytesAfter, artifact } = result;
    return [`${formatBytes(bytesBefore)} -> ${formatBytes(bytesAfter)}`, ...quantizeLines(result), artifact];
  }
}
