import { Args, Flags } from "@oclif/core";
import type { BenchReport } from "@slm/slm/functions/bench";
import { deviceFlags } from "../flags/device-flags.js";
import { percentFlag } from "../flags/percent-flag.js";
import { rowsFlag, rowsOf } from "../flags/rows-flag.js";
import { optionsOf } from "../flags/options-of.js";
import { SlmCommand } from "../ui/slm-command.js";

export class BenchCommand extends SlmCommand<BenchReport> {
  static override summary = "Compare models on this machine: latency, throughput, memory.";
  static override description =
    "MODEL is a checkpoint, an export, a quantized directory or a bundle. Prompts come from --data (rows with their images) " +
    "or from --prompt. Without either, prompts are random texts of the first model's source tokens.";
  static override strict = false;
  static override args = {
    models: Args.string({
      description: "Directories of models. The first is compared with each of the others.",
    }),
  };
  static override flags = {
    baseline: Flags.option({ options: ["decoder-only"] as const })({
      summary:
        "Also measure a decoder-only model of the first model's size and quantization, with random weights.",
    }),
    data: Flags.string({
      helpValue: "<file>",
      summary: "Use the sources of this file of rows, in any format, as prompts.",
    }),
    set: rowsFlag,
    prompt: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: "<text>",
      summary: "Use this prompt; repeatable.",
      exclusive: ["data"],
    }),
    image: Flags.string({
      helpValue: "<file>",
      summary: "Add this image to every prompt, for vision-language models.",
      exclusive: ["data"],
    }),
    runs: Flags.integer({
      min: 2,
      helpValue: "<n>",
      summary: "Measure this many generations per model. Default: 40.",
    }),
    batch: Flags.integer({
      min: 1,
      helpValue: "<rows>",
      summary: "Decode this many copies of a prompt in one batch. Default: 1.",
    }),
    "force-tokens": Flags.integer({
      min: 2,
      helpValue: "<n>",
      summary:
        "Generate exactly n tokens per answer. Default with a baseline: the length of each prompt's own answer.",
    }),
    seed: Flags.integer({
      min: 0,
      default: 1,
      summary: "Choose prompts and the order of runs with this seed.",
    }),
    output: Flags.string({
      char: "o",
      helpValue: "<dir>",
      summary: "Write bench.json, report.html and table.md to this directory.",
    }),
    junit: Flags.string({ helpValue: "<file>", summary: "Write the result as JUnit XML, for CI." }),
    compare: Flags.string({
      helpValue: "<file>",
      summary: "Compare with this bench.json; exit 3 if a figure is worse by more than --max-regression.",
    }),
    "max-regression": percentFlag({
      summary: "Allow figures to be this much worse. Default: 5%.",
      dependsOn: ["compare"],
    }),
    ...deviceFlags,
  };
  static override examples = [
    "<%= config.bin %> bench runs/quickstart/deploy --baseline decoder-only --data runs/quickstart/data/test.jsonl",
    "<%= config.bin %> bench small exported -o report",
    "<%= config.bin %> bench deploy --compare main/bench.json --max-regression 5% --junit bench.xml",
  ];

  /** Set by `execute`, which loads the library that formats the result. */
  #tables: readonly string[] = [];

  protected override async execute(): Promise<BenchReport> {
    const { argv, flags } = await this.parse(BenchCommand);
    const { bench } = await import("@slm/slm/functions/bench");
    const { failOnRegression, writeJunit } = await import("@slm/slm/runs/bench-outputs");
    const { benchLines } = await import("../ui/bench-lines.js");
    const { prompt: prompts, junit, set, ...given } = optionsOf(flags);
    const report = await bench(argv.map(String), {
      ...given,
      prompts,
      rows: await rowsOf(set),
      ...this.work,
    });
    this.#tables = benchLines(report);
    if (junit !== undefined) await writeJunit(junit, report);
    failOnRegression(report);
    return report;
  }

  protected override lines({ report }: BenchReport): readonly string[] {
    return [...this.#tables, ...(report === null ? [] : [report])];
  }
}
