import { Flags } from "@oclif/core";
import { formatNumber, formatSeconds } from "../output/format.js";
import { modelArgument, modelFlag, modelOf } from "../models/model-argument.js";
import { threadsFlag } from "../recipe-flags.js";
import { SlmCommand } from "../slm-command.js";

export interface EvalResult {
  /** Rows answered. */
  readonly n: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** File with one line per row. */
  readonly predictions: string;
  /** Time spent generating. */
  readonly seconds: number;
}

export class EvalCommand extends SlmCommand<EvalResult> {
  static override summary = "Answer every row of a file with a model and measure how often it is wrong.";
  static override description = "MODEL is a checkpoint, an export, a quantized directory or a bundle.";
  static override args = { model: modelArgument };
  static override flags = {
    data: Flags.string({ required: true, helpValue: "<file>", summary: "JSONL file of rows." }),
    metrics: Flags.string({
      default: "wordError,phonemeError",
      helpValue: "<names>",
      summary: "Metrics, with commas between: wordError, phonemeError, exactMatch.",
    }),
    limit: Flags.integer({ min: 1, helpValue: "<rows>", summary: "Take the first rows only." }),
    output: Flags.string({
      char: "o",
      default: "predictions.jsonl",
      helpValue: "<file>",
      summary: "Where to write the predictions.",
    }),
    model: modelFlag,
    threads: threadsFlag,
  };
  static override examples = [
    "<%= config.bin %> eval runs/quickstart/deploy --data runs/quickstart/data/test.jsonl --metrics wordError",
  ];

  protected override async execute(): Promise<EvalResult> {
    const { args, flags } = await this.parse(EvalCommand);
    const model = modelOf(args.model, flags.model);
    const { parseMetricNames } = await import("@slm/metrics");
    const { measureQuality, readEvaluationRows } = await import("../models/measure-quality.js");
    const { withModel } = await import("../models/open-model.js");
    const { withRuntime } = await import("../compute/open-engine.js");
    const metrics = parseMetricNames(flags.metrics);
    const rows = await readEvaluationRows(flags.data, flags.limit);
    const { progress } = this.context(1);
    const context = { progress, signal: this.signal };
    return withRuntime(flags.threads, (runtime) =>
      withModel(model, { runtime, ...context }, async (model) => {
        const request = { model, rows, metrics, runtime, context, predictionsPath: flags.output };
        return { ...(await measureQuality(request)), predictions: flags.output };
      }),
    );
  }

  protected override lines({ n, metrics, predictions, seconds }: EvalResult): readonly string[] {
    return [
      `${n} rows in ${formatSeconds(seconds)}`,
      ...Object.entries(metrics).map(([name, value]) => `${name.padEnd(12)} ${formatNumber(value)}`),
      predictions,
    ];
  }
}
