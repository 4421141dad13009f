import type { ModelInfo } from "../inventory/describe-artifact.js";
import { modelArgument, modelFlag, modelOf } from "../models/model-argument.js";
import { SlmCommand } from "../slm-command.js";
import { formatBytes, formatCount } from "../ui/format.js";
import { formatMetric } from "../ui/metric-format.js";

export class InfoCommand extends SlmCommand<ModelInfo> {
  static override summary =
    "Describe a model: parameters, size, graphs, target, tokenizer, metrics, provenance.";
  static override description =
    "MODEL is a checkpoint, an export, a quantized directory or a bundle. Nothing is loaded on a device. Metrics are those that were " +
    "measured when it was made.";
  static override args = { model: modelArgument };
  static override flags = { model: modelFlag };
  static override examples = ["<%= config.bin %> info runs/quickstart/deploy"];

  protected override async execute(): Promise<ModelInfo> {
    const { args, flags } = await this.parse(InfoCommand);
    const { describeArtifact } = await import("../inventory/describe-artifact.js");
    return describeArtifact(modelOf(args.model, flags.model));
  }

  protected override lines(info: ModelInfo): readonly string[] {
    const { target, limits, tokenizer, abstention, provenance, graphs } = info;
    const metrics = Object.entries(info.metrics).map(
      ([name, value]) => `${name} ${formatMetric(name, value)}`,
    );
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
}

function targetText({ target, profile, scheme, precision }: NonNullable<ModelInfo["target"]>): string {
  const device = profile === undefined || profile === target ? target : `${target} (profile ${profile})`;
  return [device, `scheme ${scheme}`, precision].filter((part) => part !== undefined).join(", ");
}

function madeText({ createdAt, seed, versions }: NonNullable<ModelInfo["provenance"]>): string {
  // Bundles are the same bytes whenever they are made, so they hold no time.
  const when = Date.parse(createdAt) === 0 ? "" : `${createdAt}, `;
  return `${when}slm ${versions.slm}, Node ${versions.node}, ${versions.platform}, seed ${seed}`;
}
