import { Args, Flags } from "@oclif/core";
import { gateText } from "@slm/slm/command-line";
import type { GateReport } from "@slm/slm/functions/check-gate";
import { SlmCommand } from "../ui/slm-command.js";

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
    const { limit: limits, summary, base } = flags;
    const { checkGate } = await import("@slm/slm/functions/check-gate");
    return checkGate(args.run, { limits, summary, base });
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
