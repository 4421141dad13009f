import { Args, Flags } from "@oclif/core";
import type { Evaluation } from "@slm/inference";
import { evaluationFlags } from "../../flags/evaluation-flags.js";
import { fileSettingsOf } from "@slm/pipeline/recipe/file-settings";
import { engineFlag, threadsFlag } from "../../flags/recipe-flags.js";
import { formatSeconds } from "@slm/core/format";
import { formatMetric } from "@slm/metrics/format";
import { SlmCommand } from "../../ui/slm-command.js";

export interface TeacherEvalResult extends Pick<Evaluation, "n" | "metrics" | "seconds"> {
  /** Number of weights; of an ensemble, the sum over its members. */
  readonly parameters: number;
  /** File with one line per row and its score by the first metric. */
  readonly predictions: string;
}

export class TeacherEvalCommand extends SlmCommand<TeacherEvalResult> {
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

  protected override async execute(): Promise<TeacherEvalResult> {
    const { args, flags } = await this.parse(TeacherEvalCommand);
    const { parseEvaluationMetrics } = await import("@slm/models/quality");
    const { choosePredictionsFile } = await import("@slm/models/quality");
    const { readEvaluationRows } = await import("@slm/models/rows");
    const { measureTeacher } = await import("@slm/models/quality");
    const { beamSearch } = await import("@slm/inference");
    const { withEngine } = await import("@slm/models/engines");
    const metrics = parseEvaluationMetrics(flags.metrics);
    const rows = await readEvaluationRows(flags.data, flags.limit, await fileSettingsOf(flags.set));
    const predictions = await choosePredictionsFile(flags.output, (text) => {
      this.note(text);
    });
    const context = this.context(1);
    const measured = await withEngine(flags, (engine) =>
      measureTeacher({
        directory: args.teacher,
        rows,
        metrics,
        engine,
        context,
        predictionsPath: predictions,
        strategy: flags.beams === undefined ? { kind: "greedy" } : beamSearch(flags.beams),
      }),
    );
    return { ...measured, predictions };
  }

  protected override lines({
    n,
    metrics,
    parameters,
    predictions,
    seconds,
  }: TeacherEvalResult): readonly string[] {
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
