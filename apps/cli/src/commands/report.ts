import { Args, Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import type { RunSummary } from "@slm/report";
import type { RecordedRun } from "@slm/slm/runs/track-runs";
import type { TrainingRun } from "@slm/slm/runs/training-runs";
import { formatNumber } from "@slm/core/format";
import { SlmCommand } from "../ui/slm-command.js";

export interface ReportResult {
  /** The page. */
  readonly report: string;
  /** The runs in each tracker of `--track`, by the tracker's name. */
  readonly trackers?: Readonly<Record<string, readonly RecordedRun[]>> | undefined;
  readonly runs: readonly ReportedRun[];
}

export interface ReportedRun extends RunSummary {
  readonly name: string;
  readonly directory: string;
}

export class ReportCommand extends SlmCommand<ReportResult> {
  static override summary =
    "Write an HTML page with the training curves of one run, or of several for comparison.";
  static override description =
    "RUN is a checkpoint, the directory of a recipe's run, or the .partial directory of a run in progress. The page of one " +
    "run shows its samples and settings. The page of several runs shows their results and the settings that differ.";
  static override strict = false;
  static override args = {
    runs: Args.string({ required: true, description: "Directories of training runs." }),
  };
  static override flags = {
    output: Flags.string({
      char: "o",
      default: "report.html",
      helpValue: "<file>",
      summary: "Write the page to this file.",
    }),
    track: Flags.string({
      multiple: true,
      helpValue: "<name=where>",
      summary:
        "Also record each run with this tracker (mlflow, or an extension's), at an address or in a file; repeatable.",
      helpGroup: "TRACKERS",
    }),
    experiment: Flags.string({
      default: "slm",
      helpValue: "<name>",
      summary: "Record runs in this experiment of the trackers; MLflow creates it if it does not exist.",
      helpGroup: "TRACKERS",
    }),
  };
  static override examples = [
    "<%= config.bin %> report runs/quickstart",
    "<%= config.bin %> report runs/a runs/b -o compared.html",
    "<%= config.bin %> report runs/a --track mlflow=http://127.0.0.1:5000",
  ];

  protected override async execute(): Promise<ReportResult> {
    const { argv, flags } = await this.parse(ReportCommand);
    const { writeTextAtomic } = await import("@slm/core");
    const { readRunLog, summarizeRun } = await import("@slm/report");
    const { runsPage } = await import("@slm/slm/runs/run-report");
    const { locateRuns } = await import("@slm/slm/runs/training-runs");
    const runs = await locateRuns(argv.map(String));
    await writeTextAtomic(flags.output, await runsPage(runs));
    const record = (name: string, to: string): Promise<readonly RecordedRun[]> =>
      this.record(runs, name, { to, experiment: flags.experiment });
    const trackers: [string, readonly RecordedRun[]][] = [];
    for (const [name, to] of (flags.track ?? []).map(namedPlace))
      trackers.push([name, await record(name, to)]);
    const reported = runs.map(async ({ name, directory, metricsFile }): Promise<ReportedRun> => {
      return { name, directory, ...summarizeRun(await readRunLog(metricsFile)) };
    });
    return {
      report: flags.output,
      ...(trackers.length === 0 ? {} : { trackers: Object.fromEntries(trackers) }),
      runs: await Promise.all(reported),
    };
  }

  private async record(
    runs: readonly TrainingRun[],
    tracker: string,
    target: { readonly to: string; readonly experiment: string },
  ): Promise<readonly RecordedRun[]> {
    const { trackRuns } = await import("@slm/slm/runs/track-runs");
    const { signal } = this;
    const recorded = await trackRuns(runs, tracker, { ...target, environment: process.env, signal });
    for (const [index, facts] of recorded.entries()) {
      const texts = Object.entries(facts).map(([key, value]) => `${key} ${String(value)}`);
      this.note([tracker, runs[index]!.name, texts.join(", ")].join("  "));
    }
    return recorded;
  }

  protected override lines({ report, runs }: ReportResult): readonly string[] {
    const width = Math.max(...runs.map(({ name }) => name.length));
    return [
      ...runs.map(({ name, steps, best, final }) => {
        const reached = Object.entries(best).map(([key, { value, step }]) => {
          return `${key} ${formatNumber(final[key]!)} (best ${formatNumber(value)} at ${step})`;
        });
        return [name.padEnd(width), `${steps} steps`, ...reached].join("  ");
      }),
      report,
    ];
  }
}

/** Splits `file=runs.csv` into its two parts. @throws SlmError USAGE */
function namedPlace(text: string): readonly [name: string, to: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new SlmError("USAGE", `--track: expected NAME=WHERE, got '${text}'`, {
    suggestions: ["--track mlflow=http://127.0.0.1:5000"],
  });
}
