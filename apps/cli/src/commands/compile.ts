import { Args, Flags } from "@oclif/core";
import type { CompiledModel } from "@slm/slm/functions/compile";
import { shapeFlag } from "../flags/shape-flag.js";
import { threadsFlag } from "../flags/recipe-flags.js";
import { rowsFlag, rowsOf } from "../flags/rows-flag.js";
import { optionsOf } from "../flags/options-of.js";
import { SlmCommand } from "../ui/slm-command.js";
import { COMPILING_PROFILES, SOCS } from "@slm/devices";

const CHIPS = COMPILING_PROFILES.map(
  (profile) => `${profile}: ${SOCS[profile].map(({ name, title }) => `${name} (${title})`).join(", ")}`,
).join("\n");

export class CompileCommand extends SlmCommand<CompiledModel> {
  static override summary = "Compile a model for NPUs ahead of time, with the vendor's compiler.";
  static override description =
    "MODEL is an export or quantized model for an NPU, or any ONNX file with fixed shapes. Each graph is compiled as a whole for each " +
    "chip: no part falls back to the CPU. Compiled graphs are stored next to the portable ones, and are used if chip and plug-in match. " +
    "The compiler is a plug-in. Add it once with 'slm device add'.\n" +
    "With --verify, slm decodes rows with the compiled graphs (on the NPU or in the vendor's simulator) and on the CPU, and compares " +
    "the answers. Times of a simulator are never shown.\n" +
    `Chips by profile.\n${CHIPS}`;
  static override args = {
    model: Args.string({
      required: true,
      description: "Export or quantized model for an NPU, or an .onnx file.",
    }),
  };
  static override flags = {
    soc: Flags.string({
      required: true,
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "<chip>",
      summary: "Compile for this chip; repeatable.",
    }),
    output: Flags.string({
      char: "o",
      helpValue: "<dir>",
      summary: "Write to this directory. Default: MODEL-compiled, next to MODEL.",
    }),
    verify: Flags.integer({
      min: 1,
      helpValue: "<rows>",
      summary: "Decode the first rows of --data with the compiled graphs and on the CPU, and compare.",
    }),
    data: Flags.string({
      helpValue: "<file>",
      summary: "Read the rows for --verify from this file, in any format.",
    }),
    set: rowsFlag,
    metrics: Flags.string({
      helpValue: "<names>",
      summary: "Compute these metrics of the answers of --verify.",
    }),
    profile: Flags.option({ options: COMPILING_PROFILES })({
      summary: "Compile an ONNX file for this device software. Default: qnn.",
    }),
    shape: shapeFlag,
    threads: threadsFlag,
  };
  static override examples = [
    "<%= config.bin %> compile exported --soc sc8380xp",
    "<%= config.bin %> compile exported-a16w8 --soc sm8550 --soc sm8650 --soc sm8750 -o compiled",
    "<%= config.bin %> compile detector.onnx --soc sm8650 --shape image=1,3,640,640",
    "<%= config.bin %> compile exported-a16w8 --soc sm8650 --verify 500 --data test.jsonl --metrics wer",
  ];

  #lines: (result: CompiledModel, verified: CompiledModel["verified"]) => readonly string[] = () => [];

  protected override async execute(): Promise<CompiledModel> {
    const { args, flags } = await this.parse(CompileCommand);
    const { compile } = await import("@slm/slm/functions/compile");
    this.#lines = (await import("../ui/compile-lines.js")).compileLines;
    const { soc: socs, shape: shapes, set, ...given } = optionsOf(flags);
    return compile(args.model, { ...given, socs, shapes, rows: await rowsOf(set), ...this.work });
  }

  protected override lines(result: CompiledModel): readonly string[] {
    return [...this.#lines(result, result.verified), result.artifact];
  }
}
