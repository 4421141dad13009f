import { Flags } from "@oclif/core";
import type { ConfidenceReport, MeanLikelihood } from "@slm/inference";
import { evaluationFlags } from "../flags/evaluation-flags.js";
import { abstentionLine } from "@slm/slm/command-line";
import type { EvaluatedModel } from "@slm/slm/functions/evaluate";
import { deviceFlags } from "../flags/device-flags.js";
import { formatNumber, formatSeconds } from "@slm/core/format";
import { formatMetric } from "@slm/metrics/format";
import { classLines, intervalText, sliceLines } from "../ui/evaluation-lines.js";
import { rowsOf } from "../flags/rows-flag.js";
import { modelArgument, modelFlag, modelOf } from "../flags/model-argument.js";
import { languageFlags, languageOptions } from "../flags/language-flags.js";
import { optionsOf } from "../flags/options-of.js";
import { SlmCommand } from "../ui/slm-command.js";

export class EvalCommand extends SlmCommand<EvaluatedModel> {
  static override summary = "Run a model on every row of a file and compute metrics of its answers.";
  static override description =
    "MODEL is a checkpoint, an export, a quantized directory or a bundle. Metrics count all rows, also with --abstain.";
  static override args = { model: modelArgument };
  static override flags = {
    ...evaluationFlags,
    metrics: Flags.string({
      helpValue: "<names>",
      summary:
        "Comma-separated metrics, such as exactMatch. Rows are scored by the first one. Default: those that the model's run measured.",
    }),
    ...languageFlags,
    abstain: Flags.string({
      helpValue: "<x|choose>",
      summary:
        "Report the effect of withholding answers below this confidence, or below one chosen on these rows.",
    }),
    slice: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: "<column>",
      summary: "Also report metrics for each value of this column of the file; repeatable.",
    }),
    "json-schema": Flags.string({
      helpValue: "<file>",
      summary: "Constrain every answer to this JSON Schema.",
    }),
    model: modelFlag,
    ...deviceFlags,
  };
  static override examples = [
    "<%= config.bin %> eval runs/quickstart/deploy --data runs/quickstart/data/test.jsonl --metrics wer",
    "<%= config.bin %> eval runs/quickstart/deploy --data runs/quickstart/data/test.jsonl --metrics wer --beams 4",
    "<%= config.bin %> eval runs/dates/deploy --data more-dates.csv --metrics exactMatch",
    `<%= config.bin %> eval exported --data pairs.csv --set "data.fields={source: text, target: label}" --metrics exactMatch`,
    "<%= config.bin %> eval exported --data squad.jsonl --metrics squadF1,squadExactMatch",
    "<%= config.bin %> eval exported --data test.jsonl --metrics perplexity",
    "<%= config.bin %> eval runs/snips/deploy --data dev.jsonl --metrics jsonExactMatch --json-schema call.schema.json",
    "<%= config.bin %> eval runs/mail/deploy --data mail.csv --metrics accuracy,macroF1 --slice language",
  ];

  /** The list of metrics, printed after the help of the flags. */
  static async helpSection(): Promise<readonly string[]> {
    const { describeMetrics } = await import("@slm/slm/functions/evaluate");
    return [
      "METRICS (a share of rows is shown in %, in JSON as 0 to 1)",
      ...describeMetrics().map((line) => `  ${line}`),
    ];
  }

  protected override async execute(): Promise<EvaluatedModel> {
    const { args, flags } = await this.parse(EvalCommand);
    const model = modelOf(args.model, flags.model);
    const { evaluate } = await import("@slm/slm/functions/evaluate");
    const { slice: slices, set, ...given } = optionsOf(flags);
    const rows = await rowsOf(set);
    return evaluate(model, { ...given, slices, rows, languages: languageOptions(flags), ...this.work });
  }

  protected override lines({
    n,
    metrics,
    intervals = {},
    slices = [],
    classes,
    likelihood,
    confidence,
    predictions,
    seconds,
    device,
  }: EvaluatedModel): readonly string[] {
    const width = Math.max(...Object.keys(metrics).map(({ length }) => length));
    return [
      `${n} rows in ${formatSeconds(seconds)}${device.simulated ? `, ${device.description}` : ""}`,
      ...Object.entries(metrics).map(
        ([name, value]) =>
          `${name.padEnd(width)}  ${formatMetric(name, value)}${intervalText(name, intervals[name])}`,
      ),
      ...sliceLines(slices),
      ...(classes === undefined ? [] : classLines(classes)),
      ...(confidence === undefined ? [] : confidenceLines(confidence)),
      ...(likelihood === undefined ? [] : [likelihoodLine(likelihood)]),
      ...(device.int8 === undefined ? [] : [device.int8.meaning]),
      predictions,
    ];
  }
}

function confidenceLines({ mean, calibrationError, abstention }: ConfidenceReport): readonly string[] {
  const line = `confidence  mean ${formatNumber(mean)}, calibration error ${formatNumber(calibrationError)}`;
  return abstention === undefined ? [line] : [line, abstentionLine(abstention)];
}

function likelihoodLine({ nllNatsPerToken, tokens }: MeanLikelihood): string {
  return `${formatNumber(nllNatsPerToken)} nats per token over ${tokens} tokens of first references`;
}
