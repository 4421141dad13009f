import { Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import type { ClassReport, ConfidenceReport, Interval, MeanLikelihood, Slice } from "@slm/inference";
import type { RuntimeDevice } from "@slm/runtime";
import { evaluationFlags } from "../flags/evaluation-flags.js";
import { abstentionLine, parseThreshold } from "@slm/models/abstain";
import { deviceFlags, deviceRequest } from "../flags/device-flags.js";
import { engineFor } from "@slm/models/devices";
import { formatNumber, formatSeconds } from "@slm/core/format";
import { formatMetric } from "@slm/metrics/format";
import { classLines, intervalText, sliceLines } from "../ui/evaluation-lines.js";
import { rowsOf } from "../flags/rows-flag.js";
import { modelArgument, modelFlag, modelOf } from "../flags/model-argument.js";
import { languageFlags, languageOptions } from "../flags/language-flags.js";
import { SlmCommand } from "../ui/slm-command.js";

export interface EvalResult {
  /** Rows measured. */
  readonly n: number;
  /** By name, as a fraction or in points, depending on the metric's unit. Perplexity has no unit. */
  readonly metrics: Readonly<Record<string, number>>;
  /** 95 % confidence interval of each metric of answers, by bootstrap over the rows. */
  readonly intervals?: Readonly<Record<string, Interval>> | undefined;
  /** Metrics for each value of the columns of `--slice`. */
  readonly slices?: readonly Slice[] | undefined;
  /** Every class and the confusions between classes, if a classification metric was requested. */
  readonly classes?: ClassReport | undefined;
  /** The model's confidence in its answers; absent if it generated none. */
  readonly confidence?: ConfidenceReport | undefined;
  /** The likelihood that perplexity was computed from, if it was requested. */
  readonly likelihood?: MeanLikelihood | undefined;
  /** File with one line per row and its score by the first metric. */
  readonly predictions: string;
  /** Run time of the model. */
  readonly seconds: number;
  /** The device that ran the model, whether it was simulated, and the requested device if it was another one. */
  readonly device: RuntimeDevice;
}

/** Fixed, so that the same rows give the same intervals. */
const INTERVAL_SEED = 1;

export class EvalCommand extends SlmCommand<EvalResult> {
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
    const { describeMetrics } = await import("@slm/models/quality");
    return [
      "METRICS (a share of rows is shown in %, in JSON as 0 to 1)",
      ...describeMetrics().map((line) => `  ${line}`),
    ];
  }

  protected override async execute(): Promise<EvalResult> {
    const { args, flags } = await this.parse(EvalCommand);
    const model = modelOf(args.model, flags.model);
    const { parseEvaluationMetrics } = await import("@slm/models/quality");
    const { usualMetrics } = await import("@slm/slm/runs/usual-metrics");
    const { choosePredictionsFile } = await import("@slm/models/quality");
    const { measureQuality } = await import("@slm/models/quality");
    const { readSlicedRows } = await import("@slm/models/rows");
    const { rowSettingsFor } = await import("@slm/models/rows");
    const { beamSearch, portableDevice } = await import("@slm/inference");
    const { prepareModels } = await import("@slm/models/open");
    const { closing } = await import("@slm/core");
    const { deviceNotes } = await import("@slm/runtime");
    const { readSchema } = await import("@slm/models/prompts");
    const metrics =
      flags.metrics === undefined ? await usualMetrics(model) : parseEvaluationMetrics(flags.metrics);
    const abstention = abstentionOf(flags.abstain);
    const schema = flags["json-schema"];
    const jsonSchema = schema === undefined ? undefined : await readSchema(schema);
    const given = await rowsOf(flags.set);
    const predictions = await choosePredictionsFile(flags.output, (text) => {
      this.note(text);
    });
    const { progress } = this.context(1);
    const context = { progress, signal: this.signal };
    const request = deviceRequest(flags);
    const opened = await prepareModels([model], { ...request, ...context });
    return closing(opened, async () => {
      const [directory = ""] = opened.directories;
      const settings = await rowSettingsFor({ file: flags.data, model: directory, needed: "rows", given });
      const rows = await readSlicedRows(flags.data, flags.slice, flags.limit, settings);
      const strategy = flags.beams === undefined ? undefined : beamSearch(flags.beams);
      const { threads } = request;
      // A portable form also uses several threads here.
      const chosen = engineFor(opened.descriptions[0]!, { ...request, threads: undefined });
      const runtime = chosen.engine === "wasm" ? undefined : (await opened.openDevice()).runtime;
      const evaluation = await measureQuality({
        model: directory,
        rows,
        metrics,
        strategy,
        languages: languageOptions(flags),
        jsonSchema,
        abstention,
        runtime,
        threads,
        context,
        predictionsPath: predictions,
        intervalSeed: INTERVAL_SEED,
      });
      const device = runtime?.device ?? portableDevice(chosen.reason);
      for (const note of deviceNotes(device)) this.note(note);
      return { ...evaluation, predictions, device };
    });
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
  }: EvalResult): readonly string[] {
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

/** The value of `--abstain`. @throws SlmError USAGE */
function abstentionOf(flag: string | undefined): number | object | undefined {
  if (flag === undefined) return undefined;
  if (flag === "choose") return {};
  const threshold = parseThreshold(flag);
  if (typeof threshold === "number") return threshold;
  throw new SlmError("USAGE", `--abstain: expected a confidence from 0 to 1, or choose, got ${flag}`);
}

function confidenceLines({ mean, calibrationError, abstention }: ConfidenceReport): readonly string[] {
  const line = `confidence  mean ${formatNumber(mean)}, calibration error ${formatNumber(calibrationError)}`;
  return abstention === undefined ? [line] : [line, abstentionLine(abstention)];
}

function likelihoodLine({ nllNatsPerToken, tokens }: MeanLikelihood): string {
  return `${formatNumber(nllNatsPerToken)} nats per token over ${tokens} tokens of first references`;
}
