import { Args, Flags } from "@oclif/core";
import { PRECISIONS, TARGETS } from "@slm/devices";
import type { ExportPlan } from "@slm/onnx-export";
import { EXPORT_LAYOUTS } from "@slm/onnx-export/layouts";
import { SlmError } from "@slm/core/errors";
import type { ExportedC } from "@slm/slm/functions/export-c";
import type { ExportedModel } from "@slm/slm/functions/export-checkpoint";
import { exportCLines, exportPlanLines, exportReportLines } from "../ui/export-lines.js";
import { threadsFlag } from "../flags/recipe-flags.js";
import { parseNumbers } from "../flags/number-list.js";
import { profileFlag } from "../flags/profile-flag.js";
import { optionsOf } from "../flags/options-of.js";
import { SlmCommand } from "../ui/slm-command.js";

/** What `--dry-run` reports. */
export interface ExportPlanResult {
  readonly plan: ExportPlan;
}

/** Flags of graphs, which target c does not have. */
const GRAPH_FLAGS = ["profile", "buckets", "window", "chunk", "shortlist", "dry-run"] as const;

const DEFAULTS = { layout: "native", precision: "float32" } as const;

type ExportResult = ExportedModel | ExportPlanResult | ExportedC;

export class ExportCommand extends SlmCommand<ExportResult> {
  static override summary =
    "Export a checkpoint as ONNX graphs or C for a target, and check the result against the checkpoint.";
  static override description =
    "Graphs for cpu, gpu and web have dynamic lengths. For npu, each source length has its own pair of graphs with static shapes. " +
    "Target c writes one C99 file, a header and a file of weights, which need no runtime. The check runs on this machine's CPU, for every target.";
  static override args = {
    checkpoint: Args.string({ required: true, description: "Checkpoint directory." }),
  };
  static override flags = {
    target: Flags.option({ options: [...TARGETS, "c"] as const })({
      default: "cpu",
      summary: "Export for this target.",
    }),
    profile: profileFlag,
    precision: Flags.option({ options: PRECISIONS })({
      default: DEFAULTS.precision,
      summary: "Use this type for weights, activations and caches.",
    }),
    layout: Flags.option({ options: EXPORT_LAYOUTS })({
      default: DEFAULTS.layout,
      summary: "Name files, inputs and outputs as slm (native) or as Hugging Face's transformers.js does.",
    }),
    weights: Flags.option({ options: ["float32", "int8", "int4"] as const })({
      summary: "Target c: type of the weights. Default: float32.",
    }),
    name: Flags.string({
      summary: "Target c: name of the files, and prefix of the C names. Default: student.",
    }),
    buckets: Flags.string({
      helpValue: "<n,n,...>",
      summary: "Target npu: write graphs for these source lengths [tokens]. Default: 64,256,1024.",
    }),
    window: Flags.integer({
      min: 2,
      summary: "Target npu: limit targets to this length [tokens]. Default: the model's limit.",
    }),
    chunk: Flags.integer({
      min: 2,
      summary:
        "Target npu: read prompts of decoder-only models with a decoder for this many tokens per run. Default: 32.",
    }),
    shortlist: Flags.string({
      helpValue: "<rows.jsonl>",
      summary: "Prune the decoder's vocabulary to single characters and the tokens of these rows' targets.",
    }),
    output: Flags.string({
      char: "o",
      helpValue: "<dir>",
      summary: "Write to this directory. Default: CHECKPOINT-<target>, next to CHECKPOINT.",
    }),
    "dry-run": Flags.boolean({
      summary: "Print the graphs and the memory that they need, and write nothing.",
    }),
    threads: threadsFlag,
  };
  static override examples = [
    "<%= config.bin %> export runs/quickstart/distill --target cpu -o exported",
    "<%= config.bin %> export runs/quickstart/distill --target npu --profile qnn --buckets 64,256 --dry-run",
    "<%= config.bin %> export runs/quickstart/distill --layout transformers.js -o web-model",
    "<%= config.bin %> export runs/quickstart/distill --target c --weights int8 --name phonemes",
    "<%= config.bin %> export runs/snips/distill --shortlist runs/snips/data/train.jsonl",
  ];

  protected override async execute(): Promise<ExportResult> {
    const { args, flags } = await this.parse(ExportCommand);
    if (flags.target === "c") {
      const given = GRAPH_FLAGS.find((flag) => flags[flag] !== undefined && flags[flag] !== false);
      const changed = (["layout", "precision"] as const).find((flag) => flags[flag] !== DEFAULTS[flag]);
      const other = given ?? changed;
      if (other !== undefined) throw new SlmError("USAGE", `export: target c does not have --${other}`);
      const { exportC } = await import("@slm/slm/functions/export-c");
      const { weights, name, output, threads } = flags;
      return exportC(args.checkpoint, { weights, name, output, threads, ...this.work });
    }
    if (flags.weights !== undefined || flags.name !== undefined)
      throw new SlmError("USAGE", "export: --weights and --name are flags of --target c");
    const { exportModel, planExport } = await import("@slm/slm/functions/export-checkpoint");
    const { buckets, dryRun, ...given } = optionsOf({ ...flags, target: flags.target });
    const options = {
      ...given,
      buckets: buckets === undefined ? undefined : parseNumbers(buckets, "export", "buckets"),
    };
    if (dryRun) return { plan: await planExport(args.checkpoint, options) };
    return exportModel(args.checkpoint, { ...options, ...this.work });
  }

  protected override lines(result: ExportResult): readonly string[] {
    if ("arenaBytes" in result) return exportCLines(result);
    return "plan" in result ? exportPlanLines(result.plan) : exportReportLines(result, result.artifact);
  }
}
