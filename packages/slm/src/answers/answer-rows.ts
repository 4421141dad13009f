/** Answers the prompts of a file. If the model cannot process a prompt, only that row gets an error. */
import type { ScannedPrompt } from "@slm/data";
import type { EndReason } from "@slm/generation";
import { SlmError, type ErrorCode } from "@slm/core/errors";
import type { GenerateOptions, Generation, Model, Source } from "@slm/inference";
import { answerOf } from "@slm/metrics";
import { imageOfFile } from "@slm/vision";
import { pathInside } from "@slm/models/row-images";

/** The result of one record of the file. */
export type AnsweredRow =
  | { readonly kind: "blank"; readonly line: number }
  | ({ readonly kind: "error"; readonly line: number; readonly columns: Columns } & RowProblem)
  | ({ readonly kind: "answer"; readonly line: number; readonly columns: Columns } & RowAnswer);

type Columns = Readonly<Record<string, unknown>>;

interface RowProblem {
  readonly code: ErrorCode;
  readonly message: string;
}

/** The answer of a row. */
export interface RowAnswer {
  /** Empty if it was withheld. */
  readonly prediction: string;
  /** The text after the last `####`, if the model writes a rationale first. */
  readonly answer?: string | undefined;
  readonly logProbability: number;
  readonly confidence: number;
  /** Whether the answer was withheld; only with a threshold. */
  readonly abstained?: boolean | undefined;
  readonly tokens: number;
  readonly reason: EndReason;
}

export interface RowOptions {
  readonly generate: GenerateOptions;
  /** Answers below this confidence are withheld. */
  readonly threshold: number | undefined;
}

/** Errors that concern one prompt. All other errors end the command. */
const ROW_ERRORS: ReadonlySet<ErrorCode> = new Set(["DATA_INVALID", "INPUT_MISSING"]);

/**
 * Answers a chunk of records, in order.
 *
 * @param folder folder that image paths are relative to
 * @throws SlmError for failures that do not concern a single prompt, such as INTERRUPTED
 */
export async function answerRows(
  model: Pick<Model, "generate">,
  records: readonly ScannedPrompt[],
  folder: string,
  options: RowOptions,
): Promise<readonly AnsweredRow[]> {
  const rows = await Promise.all(records.map((record) => openRow(record, folder)));
  const asked = rows.flatMap((row) => ("prompt" in row ? [row.prompt] : []));
  const outcomes = await generateEach(model, asked, options.generate);
  let next = 0;
  return rows.map((row): AnsweredRow => {
    if (!("prompt" in row)) return row;
    const outcome = outcomes[next++]!;
    const { line, columns } = row;
    if (outcome instanceof SlmError) return { kind: "error", line, columns, ...problemOf(outcome) };
    return { kind: "answer", line, columns, ...rowAnswer(outcome, options.threshold) };
  });
}

interface OpenRow {
  readonly line: number;
  readonly columns: Columns;
  readonly prompt: Source;
}

async function openRow(record: ScannedPrompt, folder: string): Promise<OpenRow | AnsweredRow> {
  const { line } = record;
  if ("isBlank" in record) return { kind: "blank", line };
  if ("reason" in record) {
    return { kind: "error", line, columns: {}, code: "DATA_INVALID", message: record.reason };
  }
  const { source, image, columns } = record;
  if (image === undefined) return { line, columns, prompt: source };
  try {
    return { line, columns, prompt: { text: source, image: imageOfFile(await pathInside(folder, image)) } };
  } catch (error) {
    if (isRowError(error)) return { kind: "error", line, columns, ...problemOf(error) };
    throw error;
  }
}

/** One generation or error per prompt. A batch with a bad prompt is halved until the prompt is alone: k bad of n take k log n calls. */
export async function generateEach(
  model: Pick<Model, "generate">,
  prompts: readonly Source[],
  options: GenerateOptions,
): Promise<readonly (Generation | SlmError)[]> {
  if (prompts.length === 0) return [];
  try {
    return await model.generate(prompts, options);
  } catch (error) {
    if (!isRowError(error)) throw error;
    if (prompts.length === 1) return [error];
    const half = Math.ceil(prompts.length / 2);
    const first = await generateEach(model, prompts.slice(0, half), options);
    return [...first, ...(await generateEach(model, prompts.slice(half), options))];
  }
}

export const isRowError = (error: unknown): error is SlmError =>
  error instanceof SlmError && ROW_ERRORS.has(error.code);

/** The generator counts sources from the start of its own call, which means nothing here. */
export const problemOf = ({ code, message }: SlmError): RowProblem => ({
  code,
  message: message.replace(/^generate: source \d+ /u, "the source "),
});

/** A generation as a row or `--json` has it. @param threshold the threshold of the generation */
export function rowAnswer(generation: Generation, threshold: number | undefined): RowAnswer {
  const { text: prediction, logProbability, confidence, tokens, reason } = generation;
  const abstained = threshold === undefined ? undefined : generation.abstained;
  const answer = answerOf(prediction);
  return { prediction, answer, logProbability, confidence, abstained, tokens: tokens.length, reason };
}
