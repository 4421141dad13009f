import { Args, Flags } from "@oclif/core";
import type { BenchReport } from "../library/bench.js";
import type { PaperSuiteResult } from "../suites/paper-suite.js";
import { suiteFlags, type SuiteFlags } from "../suites/suite-flags.js";
import { deviceFlags, deviceRequest } from "../device-flags.js";
import { percentFlag } from "../percent-flag.js";
import { rowsFlag, rowsOf } from "../rows-flag.js";
import { SlmCommand } from "../slm-command.js";

/** For a suite also every point of its grid. */
export type BenchCommandResult = BenchReport & { readonly suite?: PaperSuiteResult["suite"] };

export class BenchCommand extends SlmCommand<BenchCommandResult> {
  static override summary = "Compare models on this machine: latency, throughput, memory.";
  static override description =
    "MODEL is a checkpoint, an export, a quantized directory or a bundle. Prompts are the rows of --data with their " +
    "images, or --prompt, or random texts of the first model's source tokens.\n\n" +
    "--suite paper makes its own models: the paper's 330M encoder-decoder and a decoder-only model with as many " +
    "parameters and a KV cache, with random weights, at many lengths; then other splits of the layers. It takes " +
    "long; run the command again to resume it.";
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
      summary: "Measured generations per model. Default: 40; for a suite 5 at each point.",
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
    "draft-tokens": Flags.integer({
      min: 0,
      multiple: true,
      multipleNonGreedy: true,
      helpValue: "<n>",
      summary:
        "Measure models with draft rules with n draft tokens a run, compared with plain greedy decoding; repeatable. Default: 12; with --baseline only next to the baseline.",
      exclusive: ["suite"],
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
      exclusive: ["suite"],
    }),
    "max-regression": percentFlag({
      summary: "Allowed change for the worse. Default: 5%.",
      dependsOn: ["compare"],
    }),
    ...suiteFlags,
    ...deviceFlags,
  };
  static override examples = [
    "<%= config.bin %> bench runs/quickstart/deploy --baseline decoder-only --data runs/quickstart/data/test.jsonl",
    "<%= config.bin %> bench small exported -o report",
    "<%= config.bin %> bench deploy --compare main/bench.json --max-regression 5% --junit bench.xml",
    "<%= config.bin %> bench --suite paper -o paper --sources 128,512,2048 --schemes float32,cpu",
  ];

  /** The result as text; made where the library is loaded. */
  #tables: readonly string[] = [];

  protected override async execute(): Promise<BenchCommandResult> {
    const { argv, flags } = await this.parse(BenchCommand);
    if (flags.suite !== undefined) return this.#suite(flags);
    const { bench } = await import("../library/bench.js");
    const { failOnRegression, writeJunit } = await import("../models/bench-outputs.js");
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
      draftTokens: flags["draft-tokens"],
      maxRegression: flags["max-regression"],
      ...deviceRequest(flags),
      ...this.work,
    });
    this.#tables = benchLines(report);
    if (junit !== undefined) await writeJunit(junit, report);
    failOnRegression(report);
    return report;
  }

  async #suite(flags: SuiteFlags & { readonly junit?: string | undefined }): Promise<BenchCommandResult> {
    const { paperSuite } = await import("../suites/run-suite.js");
    const { claimsLine, suiteTable } = await import("../suites/suite-report.js");
    const { transposed } = await import("../ui/bench-lines.js");
    const result = await paperSuite(flags, this.context(flags.seed));
    const { notes } = result;
    if (flags.junit !== undefined)
      await (await import("../models/bench-outputs.js")).writeJunit(flags.junit, result);
    this.#tables = [
      ...transposed(suiteTable(result)),
      ...notes.map((note) => `note: ${note}`),
      claimsLine(result),
    ];
    return { ...result, report: flags.output! };
  }

  protected override lines({ report }: BenchCommandResult): readonly string[] {
    return [...this.#tables, ...(report === null ? [] : [report])];
  }
}
