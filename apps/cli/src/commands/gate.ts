import { Args, Flags } from "@oclif/core";
import { GateFailed } from "../gate-failed.js";
import type { LimitCheck } from "../pipeline/gate.js";
import { SlmCommand } from "../slm-command.js";

export interface GateReport {
  readonly run: string;
  readonly checks: readonly LimitCheck[];
  readonly pass: boolean;
}

export class GateCommand extends SlmCommand<GateReport> {
  static override summary = "Compare the figures of a run with limits; exit 3 if one is violated.";
  static override description =
    "Figures: every metric of the deployed scheme (wer, rougeL, ...), bytes (the bundle), tokensPerSecond, " +
    "firstTokenMs, interTokenMs, loadMs, peakRssBytes and parameters (medians of the benchmark). A figure that was not measured fails.";
  static override args = { run: Args.string({ required: true, description: "Directory of a run." }) };
  static override flags = {
    limit: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      required: true,
      helpValue: "<figure<=number>",
      summary: "A limit: figure<=number or figure>=number; may be repeated.",
    }),
  };
  static override examples = [
    "<%= config.bin %> gate runs/quickstart --limit 'wer<=0.45' --limit 'bytes<=1e6' --limit 'tokensPerSecond>=500'",
  ];

  protected override async execute(): Promise<GateReport> {
    const { args, flags } = await this.parse(GateCommand);
    const { checkLimits } = await import("../pipeline/gate.js");
    const checks = await checkLimits(args.run, flags.limit);
    const report = { run: args.run, checks, pass: checks.every(({ pass }) => pass) };
    if (report.pass) return report;
    const failed = checks
      .filter(({ pass }) => !pass)
      .map(({ limit, value }) => `${limit}, got ${value ?? "nothing"}`);
    throw new GateFailed(`${args.run}: ${failed.join("; ")}`, report);
  }

  protected override lines({ checks, run }: GateReport): readonly string[] {
    const rows = checks.map(
      ({ limit, value, pass }) => `${pass ? "ok  " : "FAIL"}  ${limit}  ${value ?? "not measured"}`,
    );
    return [...rows, run];
  }
}
