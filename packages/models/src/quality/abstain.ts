/** The confidence threshold: answers with a lower confidence are withheld. */
import { SlmError } from "@slm/core/errors";
import type { Abstention, AbstentionOptions, JudgedAnswer, Model } from "@slm/inference";
import { existsSync } from "node:fs";
import type { OpenModelOptions } from "../open/open-model.js";

/** A threshold from 0 to 1 or `off`; undefined for anything else. @throws SlmError USAGE for a number out of range */
export function parseThreshold(text: string): number | "off" | undefined {
  if (text === "off") return text;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isNaN(value)) return undefined;
  if (value >= 0 && value <= 1) return value;
  throw new SlmError("USAGE", `--abstain: expected a confidence from 0 to 1, got ${text}`);
}

/**
 * The confidence threshold of a command.
 *
 * @param flag value of `--abstain`
 * @returns undefined if no answer is withheld
 * @throws SlmError USAGE if the value is not a number, a file or `off`; DATA_INVALID if no threshold can be chosen on the rows
 */
export async function thresholdOf(
  flag: string | undefined,
  model: Pick<Model, "generate" | "directory" | "description">,
  note: (text: string) => void,
): Promise<number | undefined> {
  if (flag === undefined) return model.description.abstention?.threshold;
  const given = parseThreshold(flag);
  if (given === "off") return undefined;
  if (given !== undefined) return given;
  if (!existsSync(flag)) {
    throw new SlmError(
      "USAGE",
      `--abstain: expected a confidence from 0 to 1, off, or a file of rows, got ${flag}`,
      {
        suggestions: ["--abstain 0.9", "--abstain runs/mine/data/dev.jsonl"],
      },
    );
  }
  const chosen = await chooseOnRows(flag, model);
  note(abstentionLine(chosen));
  return chosen.threshold;
}

/** Answers the rows of a file, and chooses a threshold on them. @throws SlmError as `chooseThreshold`, and from reading the rows */
async function chooseOnRows(
  file: string,
  model: Pick<Model, "generate" | "directory">,
  options?: AbstentionOptions,
): Promise<Abstention> {
  // The command line imports this module for its lines. Readers of rows take a second to load.
  const { chooseThreshold, isCorrect } = await import("@slm/inference");
  const { imageFolderOf, readFileRows, referencesOf } = await import("@slm/data");
  const { rowImage } = await import("../rows/row-images.js");
  const { rowSettingsFor } = await import("../rows/row-settings.js");
  const settings = await rowSettingsFor({ file, model: model.directory, needed: "rows" });
  const rows = await readFileRows(file, settings);
  const folder = settings.images ?? imageFolderOf(file);
  const prompts = rows.map(({ source, image }) =>
    image === undefined ? source : { text: source, image: rowImage(folder, image) },
  );
  const generations = await model.generate(prompts, { abstain: "off" });
  const judged = generations.map((generation, row): JudgedAnswer => {
    return {
      confidence: generation.confidence,
      correct: isCorrect(generation.text, referencesOf(rows[row]!)),
    };
  });
  return chooseThreshold(judged, options);
}

/** Loads a model, and chooses its threshold on the rows of a file. @throws SlmError as {@link chooseOnRows} and loading the model */
export async function abstentionFor(
  model: string,
  { data, ...options }: AbstentionOptions & { readonly data: string },
  work: Pick<OpenModelOptions, "threads" | "signal">,
): Promise<Abstention> {
  const { openModel } = await import("../open/open-model.js");
  const loaded = await openModel(model, work);
  try {
    return await chooseOnRows(data, loaded, options);
  } finally {
    await loaded.close();
  }
}

/** Describes the effect of a threshold on the rows that it was chosen on. */
export function abstentionLine({ threshold, rows, coverage, errorRate }: Abstention): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return (
    `abstention  below a confidence of ${threshold.toPrecision(3)}: ${percent(coverage)} of ${rows} rows are answered, ` +
    `${percent(errorRate)} of the answers wrong`
  );
}
