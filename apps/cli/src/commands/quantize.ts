import { Args, Flags } from "@oclif/core";
import { BLOCK_METHODS, BLOCK_SIZES, SCHEME_NAMES, TABLE_FORMATS, type BlockSize } from "@slm/devices";
import type { QuantizedModel } from "@slm/slm/functions/quantize";
import { formatBytes } from "@slm/core/format";
import { quantizeLines } from "../ui/quantize-lines.js";
import { threadsFlag } from "../flags/recipe-flags.js";
import { shapeFlag } from "../flags/shape-flag.js";
import { rowsFlag, rowsOf } from "../flags/rows-flag.js";
import { SlmCommand } from "../ui/slm-command.js";

const BLOCKS: ReadonlyMap<string, BlockSize> = new Map(BLOCK_SIZES.map((size) => [String(size), size]));

export class QuantizeCommand extends SlmCommand<QuantizedModel> {
  static override summary = "Quantize a model; with --gate, only if a metric stays within a limit.";
  static override description =
    "MODEL is an exported model, a checkpoint, or any ONNX file.\n" +
    "A gate compares a metric of the float32 model and the quantized model on the rows of --data, or of --calibration. " +
    "If the gate fails, the command exits with code 3 and writes nothing.\n" +
    "Static schemes and --method gptq need --calibration.";
  static override args = {
    model: Args.string({
      required: true,
      description: "Float32 export in either layout, checkpoint, or .onnx file.",
    }),
  };
  static override flags = {
    scheme: Flags.option({ options: SCHEME_NAMES })({
      required: true,
      summary: "Quantize with this scheme.",
    }),
    output: Flags.string({
      char: "o",
      helpValue: "<dir>",
      summary: "Write to this directory. Default: MODEL-<scheme>, next to MODEL.",
    }),
    method: Flags.option({ options: BLOCK_METHODS })({
      summary:
        "Round weights of 4 or 2 bits by this method. Default: gptq with --calibration (not in large models), else search.",
      helpGroup: "WEIGHTS",
    }),
    "block-size": Flags.custom<BlockSize>({
      options: [...BLOCKS.keys()],
      parse: (text) => Promise.resolve(BLOCKS.get(text)!),
    })({
      summary:
        "Share one scale among this many weights. Default: 32; narrow 4-bit matrices without --calibration: 16.",
      helpGroup: "WEIGHTS",
    }),
    symmetric: Flags.boolean({
      default: false,
      summary: "Use symmetric blocks, without zero points.",
      helpGroup: "WEIGHTS",
    }),
    embedding: Flags.option({ options: TABLE_FORMATS })({
      summary:
        "Store the embedding, and an output head tied to it, in this format. Default: the scheme's; 8 bits for 4-bit and 2-bit schemes.",
      helpGroup: "WEIGHTS",
    }),
    exclude: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: "<name>",
      summary: "Keep this weight (static schemes: this node) in float32; repeatable.",
      helpGroup: "WEIGHTS",
    }),
    calibration: Flags.string({
      helpValue: "<path>",
      summary:
        "Calibrate with this JSONL file of rows; for an .onnx file, a directory of .safetensors files, one per run.",
      helpGroup: "CALIBRATION",
    }),
    "calibration-rows": Flags.integer({
      min: 1,
      helpValue: "<rows>",
      summary: "Calibrate with this many rows, spread evenly over the file. Default: 1024; with images 256.",
      helpGroup: "CALIBRATION",
    }),
    gate: Flags.string({
      helpValue: "<metric:drop>",
      summary:
        "Fail if a metric worsens by more than this: wer:+0.5 [points], wer:0.005, logitDivergence:0.01 [nats].",
      helpGroup: "QUALITY",
    }),
    set: rowsFlag,
    data: Flags.string({
      helpValue: "<file>",
      summary: "Measure the gate on this JSONL file of rows. Default: the calibration rows.",
      helpGroup: "QUALITY",
    }),
    limit: Flags.integer({
      min: 1,
      helpValue: "<rows>",
      summary: "Measure the gate on only this many rows, from the start of the file. Default: all.",
      helpGroup: "QUALITY",
    }),
    shape: shapeFlag,
    threads: threadsFlag,
  };
  static override examples = [
    "<%= config.bin %> quantize runs/quickstart/export --scheme cpu -o small",
    "<%= config.bin %> quantize exported --scheme int4-block --method gptq --calibration train.jsonl --gate wer:+0.5 --data test.jsonl",
    "<%= config.bin %> quantize model.onnx --scheme a8w8 --calibration feeds/",
    "<%= config.bin %> quantize detector.onnx --scheme a8w8 --calibration feeds/ --shape image=1,3,640,640",
  ];

  protected override async execute(): Promise<QuantizedModel> {
    const { args, flags } = await this.parse(QuantizeCommand);
    const { quantize: quantizeModel } = await import("@slm/slm/functions/quantize");
    const { shape: shapes, scheme, output, method, symmetric, embedding, exclude, calibration } = flags;
    const { gate, data, limit, threads } = flags;
    return quantizeModel(args.model, {
      scheme,
      output,
      method,
      symmetric,
      embedding,
      exclude,
      calibration,
      gate,
      data,
      rows: await rowsOf(flags.set),
      limit,
      shapes,
      threads,
      blockSize: flags["block-size"],
      calibrationRows: flags["calibration-rows"],
      ...this.work,
    });
  }

  protected override lines(result: QuantizedModel): readonly string[] {
    const { bytesBefore, bytesAfter, artifact } = result;
    return [`${formatBytes(bytesBefore)} -> ${formatBytes(bytesAfter)}`, ...quantizeLines(result), artifact];
  }
}
