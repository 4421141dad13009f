import { Args, Flags } from "@oclif/core";
import type { DataReport, Inspection, InspectOptions } from "@slm/data";
import { shellWord, SlmError } from "@slm/core/errors";
import { fileSettingsOf } from "@slm/slm/command-line";
import { inspectionLines } from "../../ui/inspection-lines.js";
import { SlmCommand } from "../../ui/slm-command.js";

/** Adds the label counts of a directory of prepared data. */
type InspectReport = Inspection & Pick<DataReport, "labels">;

export class DataInspectCommand extends SlmCommand<InspectReport> {
  static override summary = "Show statistics and samples of a data file. Changes nothing.";
  static override description =
    "Reads JSONL, CSV, TSV, Parquet, JSON lists, SQuAD and SNIPS files. --set accepts the settings of the " +
    "'data' section of a recipe that describe files: format, encoding, columns, fields, images, unanswerable.";
  static override args = {
    file: Args.string({
      required: true,
      description: "File of rows, or directory of prepared data.",
    }),
  };
  static override flags = {
    tokenizer: Flags.string({
      helpValue: "<dir>",
      summary: "Also count the rows that this tokenizer can encode, and their tokens.",
    }),
    samples: Flags.integer({ default: 5, min: 0, max: 1000, summary: "Show this many rows as samples." }),
    html: Flags.string({
      helpValue: "<file>",
      summary: "Also write an HTML page with the numbers and the samples, including images.",
    }),
    set: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: "<data.key=value>",
      summary: "Read the file with this setting of a recipe's data section; repeatable.",
    }),
  };
  static override examples = [
    "<%= config.bin %> data inspect words.jsonl --tokenizer runs/quickstart/tokenizer",
    `<%= config.bin %> data inspect reviews.csv --set "data.fields={source: text, target: label}"`,
    `<%= config.bin %> data inspect pairs.parquet --set "data.fields={source: 'translate: {en}', target: '{fr}'}"`,
    "<%= config.bin %> data inspect runs/ocr/data/dev.jsonl --samples 30 --html dev.html",
  ];

  protected override async execute(): Promise<InspectReport> {
    const { args, flags } = await this.parse(DataInspectCommand);
    const { imageFolderOf, inspectData } = await import("@slm/data");
    const settings = await fileSettingsOf(flags.set);
    const { samples } = flags;
    const prepared = await preparedData(args.file);
    const file = prepared?.train ?? args.file;
    const found = await inspectData(file, { ...settings, ...(await tokenizerOf(flags.tokenizer)), samples });
    if (found.rows === 0) throw noUsableRow(args.file, found);
    const report = { ...found, labels: prepared?.labels };
    if (flags.html !== undefined) {
      const { inspectionPage } = await import("../../ui/inspection-page.js");
      const { writeTextAtomic } = await import("@slm/core");
      const images = settings.images ?? imageFolderOf(file);
      await writeTextAtomic(flags.html, await inspectionPage(args.file, report, images));
    }
    return report;
  }

  protected override lines(report: InspectReport): readonly string[] {
    const { labels } = report;
    const counts =
      labels === undefined
        ? []
        : [`labels      ${labels.labelled}, and ${labels.unlabelled} training sources without a label`];
    return [...counts, ...inspectionLines(report)];
  }
}

/** The error for a file without usable rows. It says what is wrong with the first records, and suggests settings. */
function noUsableRow(file: string, { rejected }: Inspection): SlmError {
  const first = rejected.slice(0, 3).map(({ line, reason }) => `line ${line}: ${reason}`);
  const hints = rejected.flatMap(({ hint }) => (hint === undefined ? [] : [hint]));
  return new SlmError(
    "DATA_INVALID",
    `${file}: expected at least one usable row, got none; ${rejected.length} records were rejected` +
      first.map((reason) => `; ${reason}`).join(""),
    {
      context: { file, rows: 0, rejected: rejected.slice(0, 100) },
      suggestions: [...new Set(hints)].map((hint) => `slm data inspect ${shellWord(file)} ${hint}`),
    },
  );
}

/** The training rows and label counts of the data stage's directory; undefined for a file. */
async function preparedData(
  path: string,
): Promise<{ readonly train: string; readonly labels: DataReport["labels"] } | undefined> {
  const { stat } = await import("node:fs/promises");
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return undefined;
  const paths = await import("node:path");
  const { DATA_FILES } = await import("@slm/data");
  const { readJsonFile } = await import("@slm/core");
  const { z } = await import("zod");
  const counts = z.object({ labelled: z.number(), unlabelled: z.number() });
  const statistics = z.looseObject({ labels: counts.optional() });
  const { labels } = await readJsonFile(paths.join(path, DATA_FILES.statistics), statistics);
  return { train: paths.join(path, DATA_FILES.train), labels };
}

async function tokenizerOf(directory: string | undefined): Promise<Pick<InspectOptions, "tokenizer">> {
  if (directory === undefined) return {};
  const { loadTokenizer } = await import("@slm/tokenizer");
  return { tokenizer: await loadTokenizer(directory) };
}
