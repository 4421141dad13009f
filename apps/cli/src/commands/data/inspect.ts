import { Args, Flags } from "@oclif/core";
import type { Inspection } from "@slm/data";
import { SlmCommand } from "../../slm-command.js";

/** Rejected lines shown in text mode; `--json` lists all. */
const SHOWN_REJECTIONS = 10;

export class DataInspectCommand extends SlmCommand<Inspection> {
  static override summary = "Look at a JSONL file of rows without changing anything.";
  static override args = { file: Args.string({ required: true, description: "JSONL file of rows." }) };
  static override flags = {
    tokenizer: Flags.string({
      helpValue: "<dir>",
      summary: "Also count the rows that this tokenizer covers.",
    }),
  };
  static override examples = [
    "<%= config.bin %> data inspect words.jsonl --tokenizer runs/quickstart/tokenizer",
  ];

  protected override async execute(): Promise<Inspection> {
    const { args, flags } = await this.parse(DataInspectCommand);
    const { inspectData } = await import("@slm/data");
    if (flags.tokenizer === undefined) return inspectData(args.file);
    const { loadTokenizer } = await import("@slm/tokenizer");
    return inspectData(args.file, { tokenizer: await loadTokenizer(flags.tokenizer) });
  }

  protected override lines(report: Inspection): readonly string[] {
    const hidden = report.rejected.length - SHOWN_REJECTIONS;
    return [
      `rows        ${report.rows}`,
      `rejected    ${report.rejected.length}`,
      ...report.rejected.slice(0, SHOWN_REJECTIONS).map(({ line, reason }) => `  line ${line}: ${reason}`),
      ...(hidden > 0 ? [`  and ${hidden} more (--json lists all)`] : []),
      `duplicates  ${report.duplicates}`,
      `references  ${report.withReferences}`,
      ...(report.cover === undefined
        ? []
        : [`covered     ${report.cover.rows} (${(report.cover.fraction * 100).toFixed(2)} %)`]),
      ...report.samples.map(
        ({ source, target }) => `  ${JSON.stringify(source)} -> ${JSON.stringify(target)}`,
      ),
    ];
  }
}
