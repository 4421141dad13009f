import { Args } from "@oclif/core";
import type { RunSummary } from "../inventory/list-runs.js";
import { SlmCommand } from "../slm-command.js";
import { columns } from "../ui/columns.js";
import { formatBytes } from "../ui/format.js";
import { formatMetric } from "../ui/metric-format.js";

export interface RunsResult {
  readonly folder: string;
  /** The newest first. */
  readonly runs: readonly RunSummary[];
}

const DEFAULT_FOLDER = "runs";

export class RunsCommand extends SlmCommand<RunsResult> {
  static override summary = "List runs with their status, metrics and size, the newest first.";
  static override description =
    "A run is a directory that 'slm run' wrote. Its metrics are those of the model that it ends with. A run that was interrupted goes on when " +
    "its command is given again.";
  static override args = {
    folder: Args.string({ default: DEFAULT_FOLDER, description: "Folder that is searched." }),
  };
  static override examples = ["<%= config.bin %> runs", "<%= config.bin %> runs experiments --json"];

  protected override async execute(): Promise<RunsResult> {
    const { args } = await this.parse(RunsCommand);
    const { STAGE_NAMES } = await import("../pipeline/stage-table.js");
    const { listRuns } = await import("../inventory/list-runs.js");
    return { folder: args.folder, runs: await listRuns(args.folder, STAGE_NAMES) };
  }

  protected override lines({ folder, runs }: RunsResult): readonly string[] {
    if (runs.length === 0) return [`no runs in ${folder}`];
    const titles = ["run", "status", "stage", "metrics", "bundle", "updated"];
    return columns(
      titles,
      runs.map(({ name, status, stages, unfinished, metrics, bytes, updatedAt }) => [
        name,
        status,
        unfinished ?? stages.at(-1) ?? "",
        Object.entries(metrics)
          .map(([metric, value]) => `${metric} ${formatMetric(metric, value)}`)
          .join(", "),
        bytes === null ? "" : formatBytes(bytes),
        updatedAt.slice(0, 16).replace("T", " "),
      ]),
    );
  }
}
