import { Args, Flags } from "@oclif/core";
import { evaluationFlags } from "../../flags/evaluation-flags.js";
import { fileSettingsOf } from "@slm/slm/command-line";
import type { EvaluatedTeacher } from "@slm/slm/functions/evaluate";
import { engineFlag, threadsFlag } from "../../flags/recipe-flags.js";
import { formatSeconds } from "@slm/core/format";
import { formatMetric } from "@slm/metrics/format";
import { SlmCommand } from "../../ui/slm-command.js";

export class TeacherEvalCommand extends SlmCommand<EvaluatedTeacher> {
  static override summary =
    "Run a teacher (one model or an ensemble) on every row of a file and compute metrics of its answers.";
  static override description =
    "Late in training, a teacher that is worse than the student limits the student: compare with 'slm eval' of the student. Perplexity " +
    "is not available for teachers.";
  static override args = {
    teacher: Args.string({
      required: true,
      description: "Directory of a checkpoint, of an ONNX decoder or of an ensemble (RUN/teacher).",
    }),
  };
  static override flags = {
    ...evaluationFlags,
    metrics: Flags.string({
      required: true,
      helpValue: "<names>",
      summary: "Comma-separated metrics, such as exactMatch. Rows are scored by the first one.",
    }),
    engine: engineFlag({ default: "onnx" }),
    threads: threadsFlag,
  };
  static override examples = [
    "<%= config.bin %> teacher eval runs/g2p/teacher --data runs/g2p/data/dev.jsonl --metrics wer",
  ];

  protected override async execute(): Promise<EvaluatedTeacher> {
    const { args, flags } = await this.parse(TeacherEvalCommand);
    const { evaluateTeacher } = await import("@slm/slm/functions/evaluate");
    const { set, ...given } = flags;
    return evaluateTeacher(args.teacher, { ...given, ...this.work, rows: await fileSettingsOf(set) });
  }

  protected override lines({
    n,
    metrics,
    parameters,
    predictions,
    seconds,
  }: EvaluatedTeacher): readonly string[] {
    const width = Math.max(...Object.keys(metrics).map(({ length }) => length));
    return [
      `${String(n)} rows in ${formatSeconds(seconds)}, ${parameters.toLocaleString("en")} parameters`,
      ...Object.entries(metrics).map(
        ([name, value]) => `${name.padEnd(width)}  ${formatMetric(name, value)}`,
      ),
      predictions,
    ];
  }
}
