import { Args, Flags } from "@oclif/core";
import type { Inspection } from "@slm/data";
import { SlmError } from "@slm/error";
import { inspectionLines } from "../../output/inspection-lines.js";
import { SlmCommand } from "../../slm-command.js";

export class DataInspectCommand extends SlmCommand<Inspection> {
  static override summary = "Look at a file of rows without changing anything.";
  static override description =
    "Reads JSONL, CSV, TSV, Parquet, JSON lists, SQuAD and SNIPS files, or two files of parallel text. --set takes what the " +
    "'data' section of a recipe says about files: format, encoding, columns, fields, template, unanswerable.";
  static override args = {
    file: Args.string({ required: true, description: "File of rows, or of the sources of parallel text." }),
    targets: Args.string({ description: "File of the targets of parallel text, line by line." }),
  };
  static override flags = {
    tokenizer: Flags.string({
      helpValue: "<dir>",
      summary: "Also count the rows that this tokenizer covers, and their tokens.",
    }),
    set: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: "<data.key=value>",
      summary: "How to read the file, as in a recipe; may be repeated.",
    }),
  };
  static override examples = [
    "<%= config.bin %> data inspect words.jsonl --tokenizer runs/quickstart/tokenizer",
    `<%= config.bin %> data inspect reviews.csv --set "data.fields={source: text, target: label}"`,
    `<%= config.bin %> data inspect pairs.parquet --set "data.template={source: 'translate: {en}', target: '{fr}'}"`,
    "<%= config.bin %> data inspect news.en news.fr",
  ];

  protected override async execute(): Promise<Inspection> {
    const { args, flags } = await this.parse(DataInspectCommand);
    const { inspectData } = await import("@slm/data");
    const settings = await fileSettingsOf(flags.set);
    const file = args.targets === undefined ? args.file : { source: args.file, target: args.targets };
    if (flags.tokenizer === undefined) return inspectData(file, settings);
    const { loadTokenizer } = await import("@slm/tokenizer");
    return inspectData(file, { ...settings, tokenizer: await loadTokenizer(flags.tokenizer) });
  }

  protected override lines(report: Inspection): readonly string[] {
    return inspectionLines(report);
  }
}

/** @throws SlmError USAGE for a setting outside the section, CONFIG_INVALID for one that is not about files */
async function fileSettingsOf(sets: readonly string[]): Promise<object> {
  const { fileSchema } = await import("@slm/data");
  const { flagLayers, LayerStack } = await import("../../recipe/layers.js");
  const layers = new LayerStack(flagLayers(sets));
  const other = Object.keys(layers.value).find((section) => section !== "data");
  if (other !== undefined) {
    throw new SlmError("USAGE", `--set ${other}: expected a setting of 'data', for example data.format=csv`);
  }
  const { z } = await import("zod");
  const { checkSettings } = await import("../../recipe/check-recipe.js");
  const { data } = checkSettings(z.strictObject({ data: fileSchema.optional() }), layers.value, layers);
  return data ?? {};
}
