import { Args } from "@oclif/core";
import type { ModelInfo } from "@slm/slm/runs/describe-artifact";
import type { RunSummary } from "@slm/slm/runs/list-runs";
import { engineLine } from "@slm/exported-model/engine";
import { existsSync } from "node:fs";
import { SlmCommand } from "../ui/slm-command.js";
import { columns } from "@slm/core/format";
import { formatBytes, formatCount } from "@slm/core/format";
import { formatMetric } from "@slm/metrics/format";

/** The runs in a folder and its subfolders. */
export interface RunsResult {
  readonly folder: string;
  /** Newest first. */
  readonly runs: readonly RunSummary[];
}

const DEFAULT_FOLDER = "runs";

export class InfoCommand extends SlmCommand<ModelInfo | RunsResult> {
  static override summary = "Describe a model, or list runs.";
  static override description =
    "For a checkpoint, an export, a quantized directory or a bundle, shows parameters, size, graphs, target, tokenizer, provenance, and " +
    "the metrics that were measured when the model was created. For a folder of runs, shows their status, metrics and size, newest " +
    "first. Models are not loaded. To resume an interrupted run, run its command again.";
  static override args = {
    path: Args.string({
      description: `Directory of a model, or a folder of runs. Default: ${DEFAULT_FOLDER}.`,
    }),
  };
  static override examples = ["<%= config.bin %> info runs/quickstart/deploy", "<%= config.bin %> info runs"];

  protected override async execute(): Promise<ModelInfo | RunsResult> {
    const { args } = await this.parse(InfoCommand);
    const { listRuns } = await import("@slm/slm/runs/list-runs");
    const folder = args.path ?? DEFAULT_FOLDER;
    const runs = args.path !== undefined && !existsSync(folder) ? [] : await listRuns(folder);
    if (args.path === undefined || runs.length > 0) return { folder, runs };
    const { describeArtifact } = await import("@slm/slm/runs/describe-artifact");
    return describeArtifact(args.path);
  }

  protected override lines(result: ModelInfo | RunsResult): readonly string[] {
    return "runs" in result ? runsLines(result) : modelLines(result);
  }
}

function runsLines({ folder, runs }: RunsResult): readonly string[] {
  if (runs.length === 0) return [`no runs in ${folder}`];
  return columns(
    ["run", "status", "stage", "metrics", "bundle", "updated"],
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

function modelLines(info: ModelInfo): readonly string[] {
  const { target, limits, tokenizer, abstention, provenance, graphs } = info;
  const metrics = Object.entries(info.metrics).map(([name, value]) => `${name} ${formatMetric(name, value)}`);
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["name", info.name],
    ["kind", `${info.kind}, ${info.architecture}`],
    ["parameters", formatCount(info.parameters)],
    ["size", formatBytes(info.bytes)],
    ["target", target === null ? undefined : targetText(target)],
    ...graphs.map(({ name, file, bytes, scheme }): [string, string] => [
      name,
      `${file}, ${formatBytes(bytes)}, ${scheme}`,
    ]),
    ["tokenizer", `${tokenizer.kind}, ${formatCount(tokenizer.tokens)} tokens`],
    ["limits", `source ${limits.maxSource} tokens, target ${limits.maxTarget} tokens`],
    [
      "metrics",
      metrics.length === 0
        ? "not recorded"
        : [metrics.join(", "), info.measuredOn].filter(Boolean).join(" on "),
    ],
    [
      "abstention",
      abstention === null ? undefined : `below a confidence of ${abstention.threshold.toPrecision(3)}`,
    ],
    ["engine", info.engine === null ? undefined : engineLine(info.engine).slice("engine ".length)],
    ["made", provenance === null ? "no manifest" : madeText(provenance)],
    ...(provenance?.inputs ?? []).map(({ name, sha256 }): [string, string] => [
      "from",
      `${name} ${sha256.slice(0, 12)}`,
    ]),
  ];
  const shown = rows.filter((row): row is readonly [string, string] => row[1] !== undefined);
  const width = Math.max(...shown.map(([title]) => title.length));
  return [...shown.map(([title, text]) => `${title.padEnd(width)}  ${text}`), info.path];
}

function targetText({ target, profile, scheme, precision }: NonNullable<ModelInfo["target"]>): string {
  const device = profile === undefined || profile === target ? target : `${target} (profile ${profile})`;
  return [device, `scheme ${scheme}`, precision].filter((part) => part !== undefined).join(", ");
}

function madeText({ createdAt, seed, versions }: NonNullable<ModelInfo["provenance"]>): string {
  // Bundles contain no time, because the same inputs must give the same bytes.
  const when = Date.parse(createdAt) === 0 ? "" : `${createdAt}, `;
  return `${when}slm ${versions.slm}, Node ${versions.node}, ${versions.platform}, seed ${seed}`;
}
