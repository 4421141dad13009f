import { Args, Flags } from "@oclif/core";
import { PRECISIONS, TARGETS } from "@slm/devices/table";
import type { ExportChoice, ExportPlan, ExportReport } from "@slm/onnx-export";
import { exportPlanLines, exportReportLines } from "../output/export-lines.js";
import { threadsFlag } from "../recipe-flags.js";
import { parseNumbers } from "../number-list.js";
import { profileFlag } from "../profile-flag.js";
import { SlmCommand } from "../slm-command.js";

export interface ExportResult extends ExportReport {
  readonly artifact: string;
}

/** What `--dry-run` reports. */
export interface ExportPlanResult {
  readonly plan: ExportPlan;
}

/** A list of its own, so that printing help loads no exporter. */
const LAYOUTS = ["native", "transformers.js"] as const satisfies readonly ExportChoice["layout"][];

export class ExportCommand extends SlmCommand<ExportResult | ExportPlanResult> {
  static override summary = "Write a checkpoint as ONNX graphs for a target, and compare them with it.";
  static override description =
    "Targets cpu, gpu and web get graphs of any length, target npu one pair of graphs of fixed sizes for each source " +
    "length. The comparison runs the graphs on this machine's processor, whatever the target is.";
  static override args = {
    checkpoint: Args.string({ required: true, description: "Checkpoint directory." }),
  };
  static override flags = {
    target: Flags.option({ options: TARGETS })({
      default: "cpu",
      summary: "What the graphs are made for.",
    }),
    profile: profileFlag,
    precision: Flags.option({ options: PRECISIONS })({
      default: "float32",
      summary: "Type of weights, activations and caches.",
    }),
    layout: Flags.option({ options: LAYOUTS })({
      default: "native",
      summary: "Names of files, inputs and outputs: slm's own, or those of Hugging Face's transformers.js.",
    }),
    buckets: Flags.string({
      helpValue: "<n,n,...>",
      summary: "Target npu: source lengths to make graphs for [tokens]. Default: 64,256,1024.",
    }),
    window: Flags.integer({
      min: 2,
      summary: "Target npu: longest target [tokens]. Default: the model's own.",
    }),
    shortlist: Flags.string({
      helpValue: "<rows.jsonl>",
      summary: "Let the decoder know only the tokens of these rows' targets, and single characters.",
    }),
    output: Flags.string({
      char: "o",
      helpValue: "<dir>",
      summary: "Directory to write. Default: CHECKPOINT-<target>, beside it.",
    }),
    "dry-run": Flags.boolean({ summary: "Print the graphs and the memory they take, and write nothing." }),
    threads: threadsFlag,
  };
  static override examples = [
    "<%= config.bin %> export runs/quickstart/distill --target cpu -o exported",
    "<%= config.bin %> export runs/quickstart/distill --target npu --profile qnn --buckets 64,256 --dry-run",
    "<%= config.bin %> export runs/quickstart/distill --layout transformers.js -o web-model",
    "<%= config.bin %> export runs/assistant/distill --shortlist runs/assistant/data/train.jsonl",
  ];

  protected override async execute(): Promise<ExportResult | ExportPlanResult> {
    const { args, flags } = await this.parse(ExportCommand);
    const { exportModel, planExport } = await import("@slm/onnx-export");
    const { readModelConfig } = await import("@slm/checkpoints");
    const { target, profile, precision, layout, window } = flags;
    await readModelConfig(args.checkpoint);
    const buckets =
      flags.buckets === undefined ? undefined : parseNumbers(flags.buckets, "export", "buckets");
    const choice: ExportChoice = { target, profile, precision, layout, buckets, window };
    const { shortlistOfRows } = await import("../models/shortlist.js");
    const shortlist =
      flags.shortlist === undefined ? undefined : await shortlistOfRows(args.checkpoint, flags.shortlist);
    if (flags["dry-run"]) return { plan: await planExport(args.checkpoint, choice, shortlist) };

    const { withRuntime } = await import("../compute/open-engine.js");
    const { siblingPath, writeStandalone } = await import("../models/standalone-artifact.js");
    const output = flags.output ?? siblingPath(args.checkpoint, target);
    const { progress } = this.context(1);
    const settings = Object.fromEntries(Object.entries(choice).filter(([, value]) => value !== undefined));
    const report = await withRuntime(flags.threads, (runtime) =>
      writeStandalone(
        {
          ...{ directory: output, kind: "export", sources: { checkpoint: args.checkpoint } },
          settings: shortlist === undefined ? settings : { ...settings, shortlist },
        },
        (work) =>
          exportModel({
            ...choice,
            shortlist,
            checkpointDirectory: args.checkpoint,
            outputDirectory: work,
            runtime,
            progress,
            signal: this.signal,
          }),
      ),
    );
    return { ...report, artifact: output };
  }

  protected override lines(result: ExportResult | ExportPlanResult): readonly string[] {
    return "plan" in result ? exportPlanLines(result.plan) : exportReportLines(result, result.artifact);
  }
}
