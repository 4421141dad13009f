import { Args, Flags } from "@oclif/core";
import type { RunSummary } from "@slm/report";
import { formatNumber } from "../ui/format.js";
import { SlmCommand } from "../slm-command.js";

export interface ReportResult {
  /** The page. */
  readonly report: string;
  /** Directory with the event files of each run; null when none were asked for. */
  readonly tensorboard: string | null;
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
    "RUN is a checkpoint, the directory of a recipe's run, or the .partial directory of one in progress. The page of one " +
    "run shows its samples and settings; the page of several shows their results and the settings that differ.";
  static override strict = false;
  static override args = {
    runs: Args.string({ required: true, description: "Directories of training runs." }),
  };
  static override flags = {
    output: Flags.string({
      char: "o",
      default: "report.html",
      helpValue: "<file>",
      summary: "Page to write.",
    }),
    tensorboard: Flags.string({
      helpValue: "<dir>",
      summary: "Also write event files for TensorBoard, a directory per run.",
    }),
  };
  static override examples = [
    "<%= config.bin %> report runs/quickstart",
    "<%= config.bin %> report runs/a runs/b -o compared.html --tensorboard events",
  ];

  protected override async execute(): Promise<ReportResult> {
    const { argv, flags } = await this.parse(ReportCommand);
    const { writeTextAtomic } = await import("@slm/core");
    const { readRunLog, summarizeRun } = await import("@slm/report");
    const { runsPage, writeEventFiles } = await import("../run-report.js");
    const { locateRuns } = await import("../training-runs.js");
    const runs = await locateRuns(argv.map(String));
    await writeTextAtomic(flags.output, await runsPage(runs));
    if (flags.tensorboard !== undefined) {
      const { untimed } = await writeEventFiles(runs, flags.tensorboard);
      if (untimed.length > 0)
        this.note(`no times are in the log of ${untimed.join(", ")}: TensorBoard shows them over steps only`);
    }
    const reported = runs.map(async ({ name, directory, metricsFile }): Promise<ReportedRun> => {
      return { name, directory, ...summarizeRun(await readRunLog(metricsFile)) };
    });
    return {
      report: flags.output,
      tensorboard: flags.tensorboard ?? null,
      runs: await Promise.all(reported),
    };
  }

  protected override lines({ report, tensorboard, runs }: ReportResult): readonly string[] {
    const width = Math.max(...runs.map(({ name }) => name.length));
    return [
      ...runs.map(({ name, steps, best, final }) => {
        const reached = Object.entries(best).map(([key, { value, step }]) => {
          return `${key} ${formatNumber(final[key]!)} (best ${formatNumber(value)} at ${step})`;
        });
        return [name.padEnd(width), `${steps} steps`, ...reached].join("  ");
      }),
      ...(tensorboard === null ? [] : [`tensorboard --logdir ${tensorboard}`]),
      report,
    ];
  }
}
