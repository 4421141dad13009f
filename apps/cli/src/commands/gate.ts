import { Args, Flags } from "@oclif/core";
import { shellWord, SlmError } from "@slm/core/errors";
import { GateFailed } from "@slm/models/gate-failed";
import type { LimitCheck, RecipeGate } from "@slm/pipeline/run/gate";
import { formatMetric } from "@slm/metrics/format";
import { SlmCommand } from "../ui/slm-command.js";

export interface GateReport {
  readonly run: string;
  readonly checks: readonly LimitCheck[];
  /** Result of the recipe's gate; null for a run without the stage `quantize`. */
  readonly gate: RecipeGate | null;
  readonly pass: boolean;
}

export class GateCommand extends SlmCommand<GateReport> {
  static override summary = "Check a run against its recipe's gate and against limits; exit 3 if it fails.";
  static override description =
    "The recipe's gate is quantize.gate, with its own metric. A model that is no better than always giving the most frequent answer fails. A limit can name any metric of the deployed scheme (wer, rougeL, ...), bytes (of the bundle), tokensPerSecond, " +
    "firstTokenMs, interTokenMs, loadMs, peakRssBytes and parameters (medians of the benchmark). A limit for a figure that was not measured fails.";
  static override args = { run: Args.string({ required: true, description: "Directory of a run." }) };
  static override flags = {
    limit: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: "<figure<=number>",
      summary: "Check this limit: figure<=number or figure>=number; repeatable.",
    }),
    summary: Flags.string({
      helpValue: "<file>",
      summary: "Append a Markdown summary of the checks and figures to this file, also if a check fails.",
    }),
    base: Flags.string({
      dependsOn: ["summary"],
      helpValue: "<run>",
      summary: "Compare the figures of the summary with this run.",
    }),
  };
  static override examples = [
    "<%= config.bin %> gate runs/my-task",
    "<%= config.bin %> gate runs/quickstart --limit 'wer<=0.45' --limit 'bytes<=1e6' --limit 'tokensPerSecond>=500'",
    '<%= config.bin %> gate runs/my-task --summary "$GITHUB_STEP_SUMMARY" --base runs/base',
  ];

  protected override async execute(): Promise<GateReport> {
    const { args, flags } = await this.parse(GateCommand);
    const { checkLimits, readRecipeGate } = await import("@slm/pipeline/run/gate");
    const { run } = args;
    const gate = await readRecipeGate(run);
    if (gate === null && flags.limit.length === 0) {
      throw new SlmError(
        "USAGE",
        `${run}: the recipe has no quantize section and therefore no gate; expected --limit, got none`,
        {
          suggestions: [`slm gate ${shellWord(run)} --limit 'bytes<=2e6'`],
        },
      );
    }
    const checks = await checkLimits(run, flags.limit);
    const report = { run, checks, gate, pass: (gate?.pass ?? true) && checks.every(({ pass }) => pass) };
    if (flags.summary !== undefined) await appendSummary(flags.summary, report, flags.base);
    if (report.pass) return report;
    const failed = [
      ...(gate === null || gate.pass ? [] : [gateText(gate)]),
      ...checks.filter(({ pass }) => !pass).map(({ limit, value }) => `${limit}, got ${value ?? "nothing"}`),
    ];
    throw new GateFailed(`${args.run}: ${failed.join("; ")}`, report);
  }

  protected override lines({ checks, gate, run }: GateReport): readonly string[] {
    const row = (pass: boolean, text: string): string => `${pass ? "ok  " : "FAIL"}  ${text}`;
    return [
      ...(gate === null ? [] : [row(gate.pass, gateText(gate))]),
      ...checks.map(({ limit, value, pass }) => row(pass, `${limit}  ${value ?? "not measured"}`)),
      run,
    ];
  }
}

async function appendSummary(file: string, report: GateReport, baseRun: string | undefined): Promise<void> {
  const { appendFile } = await import("node:fs/promises");
  const { writeFailure } = await import("@slm/core");
  const { figuresOf } = await import("@slm/pipeline/run/gate");
  const { gateSummary } = await import("@slm/pipeline/run/gate-summary");
  const figures = await figuresOf(report.run);
  const base = baseRun === undefined ? undefined : await figuresOf(baseRun);
  try {
    await appendFile(file, gateSummary({ ...report, figures, base }));
  } catch (error) {
    throw writeFailure(error, file, "the summary was not written");
  }
}

/** "exactMatch 98.1 %, the recipe accepts 97.5 % or more". */
function gateText({ metric, after, limit, higherIsBetter, noBetterThan }: RecipeGate): string {
  const shown = (value: number): string => formatMetric(metric, value);
  const result = `${metric} ${shown(after)}`;
  if (noBetterThan !== undefined)
    return `${result}, no better than always giving the most frequent answer (${shown(noBetterThan)})`;
  if (higherIsBetter && limit <= 0) return `${result}, the recipe has no minimum (quantize.gate.minimum)`;
  return `${result}, the recipe accepts ${shown(limit)} or ${higherIsBetter ? "more" : "less"}`;
}
