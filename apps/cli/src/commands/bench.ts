import { Args, Flags } from "@oclif/core";
import { ahead, SPECULATION_FLAG } from "@slm/generation/speculation";
import type { BenchReport } from "@slm/slm/functions/bench";
import { deviceFlags, deviceRequest } from "../flags/device-flags.js";
import { percentFlag } from "../flags/percent-flag.js";
import { rowsFlag, rowsOf } from "../flags/rows-flag.js";
import { SlmCommand } from "../ui/slm-command.js";

export class BenchCommand extends SlmCommand<BenchReport> {
  static override summary = "Compare models on this machine: latency, throughput, memory.";
  static override description =
    "MODEL is a checkpoint, an export, a quantized directory or a bundle. Prompts are the rows of --data with their " +
    "images, or --prompt, or random texts of the first model's source tokens.";
  static override strict = false;
  static override args = {
    models: Args.string({ description: "Directories of models. The others are compared with the first." }),
  };
  static override flags = {
    baseline: Flags.option({ options: ["decoder-only"] as const })({
      summary:
        "Also measure a model with as many parameters as the first, random weights and the same quantization.",
    }),
    data: Flags.string({
      helpValue: "<file>",
      summary: "File of rows, in any format, whose sources are the prompts.",
    }),
    set: rowsFlag,
    prompt: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: "<text>",
      summary: "Prompt; may be repeated.",
      exclusive: ["data"],
    }),
    image: Flags.string({
      helpValue: "<file>",
      summary: "Image that every prompt is about, for vision-language models.",
      exclusive: ["data"],
    }),
    runs: Flags.integer({
      min: 2,
      helpValue: "<n>",
      summary: "Measured generations per model. Default: 40.",
    }),
    batch: Flags.integer({
      min: 1,
      helpValue: "<rows>",
      summary: "Batch size: copies of a prompt that are decoded together. Default: 1.",
    }),
    "force-tokens": Flags.integer({
      min: 2,
      helpValue: "<n>",
      summary:
        "Generate exactly n tokens each. Default with a baseline: as many as each prompt's answer has.",
    }),
    [SPECULATION_FLAG.name]: Flags.integer({
      min: 0,
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "<n>",
      summary: SPECULATION_FLAG.bench,
    }),
    seed: Flags.integer({
      min: 0,
      default: 1,
      summary: "Seed of the choice of prompts and of the order of runs.",
    }),
    output: Flags.string({
      char: "o",
      helpValue: "<dir>",
      summary: "Write bench.json, report.html and table.md there.",
    }),
    junit: Flags.string({ helpValue: "<file>", summary: "Write the result as JUnit XML, for CI." }),
    compare: Flags.string({
      helpValue: "<file>",
      summary: "bench.json of an earlier benchmark; exit 3 if a figure became worse than --max-regression.",
    }),
    "max-regression": percentFlag({
      summary: "Allowed change for the worse. Default: 5%.",
      dependsOn: ["compare"],
    }),
    ...deviceFlags,
  };
  static override examples = [
    "<%= config.bin %> bench runs/quickstart/deploy --baseline decoder-only --data runs/quickstart/data/test.jsonl",
    "<%= config.bin %> bench small exported -o report",
    "<%= config.bin %> bench deploy --compare main/bench.json --max-regression 5% --junit bench.xml",
  ];

  /** The result as text; made where the library is loaded. */
  #tables: readonly string[] = [];

  protected override async execute(): Promise<BenchReport> {
    const { argv, flags } = await this.parse(BenchCommand);
    const { bench } = await import("@slm/slm/functions/bench");
    const { failOnRegression, writeJunit } = await import("@slm/slm/models/bench-outputs");
    const { benchLines } = await import("../ui/bench-lines.js");
    const { baseline, data, prompt: prompts, image, runs, batch, seed, output, compare, junit } = flags;
    const report = await bench(argv.map(String), {
      baseline,
      data,
      rows: await rowsOf(flags.set),
      prompts,
      image,
      runs,
      batch,
      seed,
      output,
      compare,
      forceTokens: flags["force-tokens"],
      ...ahead(flags[SPECULATION_FLAG.name]),
      maxRegression: flags["max-regression"],
      ...deviceRequest(flags),
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
