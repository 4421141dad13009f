/**
 * Answers every prompt of a file, in order, and writes the answers to another file.
 *
 * `OUTPUT.partial` grows chunk by chunk. `OUTPUT.partial.json` records its valid length and a hash of its inputs, so that an interrupted
 * run resumes after the last whole chunk. When every prompt is answered, `OUTPUT.partial` is renamed to OUTPUT.
 */
import {
  movePath,
  hashFile,
  hashFolder,
  hashJson,
  readJsonFile,
  withLock,
  writeFailure,
  writeJsonAtomic,
} from "@slm/core";
import { imageFolderOf, scanPrompts, type PromptSettings, type ScannedPrompt } from "@slm/data";
import { existsSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { shellWord, SlmError, type Progress } from "@slm/core";
import { z } from "zod";
import type { Model } from "@slm/inference";
import { ANSWER_FORMATS, type AnswerFormatName } from "./answer-formats.js";
import { answerRows, type AnsweredRow, type RowOptions } from "./answer-rows.js";

export interface AnswerFileRequest extends RowOptions {
  readonly model: Pick<Model, "generate" | "directory">;
  readonly input: string;
  readonly settings: PromptSettings;
  readonly format: AnswerFormatName;
  /** File to write. If undefined, `print` receives the lines, and nothing can be resumed. */
  readonly output: string | undefined;
  readonly print: (text: string) => void;
  /** Options of the answers as plain data. If they change, the file is not resumed. */
  readonly identity: unknown;
  readonly progress: Progress;
  readonly note: (text: string) => void;
}

const countsSchema = z.strictObject({
  answered: z.int().nonnegative().describe("Rows with an answer, including withheld answers."),
  abstained: z.int().nonnegative().describe("Answers withheld because their confidence is too low."),
  errors: z.int().nonnegative().describe("Rows that the model cannot process."),
  blank: z.int().nonnegative().describe("Empty lines."),
});
type Counts = z.infer<typeof countsSchema>;

const stateSchema = z.strictObject({
  /** Hash of input, model and options. */
  made: z.string(),
  records: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
  columns: z.array(z.string()).nullable(),
  firstError: z.string().nullable(),
  ...countsSchema.shape,
});
type State = z.infer<typeof stateSchema>;

export interface AnswerFileReport extends Counts {
  /** Records of the file, including empty lines. */
  readonly rows: number;
  /** Rows that an earlier, interrupted run had answered. */
  readonly resumed: number;
  /** Line and reason of the first row that the model cannot process. */
  readonly firstError: string | null;
  /** Null for standard output. */
  readonly output: string | null;
}

/** Number of records between two saves. */
const CHUNK = 128;

/**
 * @throws SlmError as reading the file does; DATA_INVALID if the file has no prompt, or if no row could be answered; BUSY if
 * another run writes the file; OUTPUT_FAILED; INTERRUPTED, after which the same call resumes
 */
export async function answerFile(request: AnswerFileRequest): Promise<AnswerFileReport> {
  const { output } = request;
  const report =
    output === undefined
      ? await printAnswers(request)
      : await withLock(output, () => writeAnswers(request, output));
  const { answered, errors, firstError } = report;
  if (answered > 0) return report;
  throw new SlmError(
    "DATA_INVALID",
    errors === 0
      ? `generate: ${request.input}: expected at least one prompt, got none`
      : `generate: ${request.input}: none of ${errors} rows could be answered; ${firstError ?? ""}`,
    {
      context: { input: request.input, errors },
      suggestions: [`slm data inspect ${shellWord(request.input)}`],
    },
  );
}

async function printAnswers(request: AnswerFileRequest): Promise<AnswerFileReport> {
  let state = emptyState("");
  for await (const { text, after } of answeredChunks(request, state)) {
    request.print(text);
    state = after;
  }
  return reportOf(state, 0, null);
}

async function writeAnswers(request: AnswerFileRequest, output: string): Promise<AnswerFileReport> {
  const partial = `${output}.partial`;
  const made = hashJson({
    input: await hashFile(request.input),
    model: await hashFolder(request.model.directory),
    identity: request.identity,
  });
  let state = await resumeState(request, output, made);
  const resumed = state.records;
  try {
    const handle = await open(partial, existsSync(partial) ? "r+" : "w+");
    try {
      await handle.truncate(state.bytes);
      for await (const { text, after } of answeredChunks(request, state)) {
        await handle.write(text, state.bytes, "utf8");
        await handle.sync();
        await writeJsonAtomic(`${partial}.json`, after);
        state = after;
      }
    } finally {
      await handle.close();
    }
    await movePath(partial, output);
    await rm(`${partial}.json`, { force: true });
  } catch (error) {
    throw error instanceof SlmError ? error : writeFailure(error, output, "answers so far are kept");
  }
  return reportOf(state, resumed, output);
}

/** The state of an interrupted run that this run can resume, or an empty state. */
async function resumeState({ note }: AnswerFileRequest, output: string, made: string): Promise<State> {
  const partial = `${output}.partial`;
  if (!existsSync(partial) || !existsSync(`${partial}.json`)) return emptyState(made);
  const state = await readJsonFile(`${partial}.json`, stateSchema);
  if (state.made === made) {
    note(`generate  resuming after ${state.records} rows`);
    return state;
  }
  note(`generate  ${partial} has another input, model or options; starting from the beginning`);
  return emptyState(made);
}

const emptyState = (made: string): State => ({
  made,
  records: 0,
  bytes: 0,
  columns: null,
  firstError: null,
  answered: 0,
  abstained: 0,
  errors: 0,
  blank: 0,
});

function reportOf(state: State, resumed: number, output: string | null): AnswerFileReport {
  const { answered, abstained, errors, blank, records: rows, firstError } = state;
  return { rows, answered, abstained, errors, blank, firstError, resumed, output };
}

interface Chunk {
  readonly text: string;
  readonly after: State;
}

/** The lines of each remaining chunk of records, with the state after it. */
async function* answeredChunks(request: AnswerFileRequest, start: State): AsyncGenerator<Chunk> {
  const { model, input, settings, format, progress } = request;
  const { header, line } = ANSWER_FORMATS[format];
  const folder = settings.images ?? imageFolderOf(input);
  let state = start;
  for await (const records of chunksAfter(scanPrompts(input, settings), start.records)) {
    const rows = await answerRows(model, records, folder, request);
    const first = state.columns === null ? columnsOf(rows) : undefined;
    const columns = state.columns ?? first ?? [];
    const head = first === undefined ? undefined : header(columns);
    const lines = [...(head === undefined ? [] : [head]), ...rows.map((row) => line(row, columns))];
    const text = lines.map((one) => `${one}\n`).join("");
    state = {
      ...counted(state, rows),
      made: state.made,
      records: state.records + records.length,
      bytes: state.bytes + Buffer.byteLength(text),
      columns: [...columns],
    };
    yield { text, after: state };
    progress({ stage: "generate", step: state.records });
  }
}

/** Columns of the first record with columns. */
const columnsOf = (rows: readonly AnsweredRow[]): readonly string[] =>
  rows
    .flatMap((row) => (row.kind === "blank" ? [] : [Object.keys(row.columns)]))
    .find(({ length }) => length > 0) ?? [];

function counted(state: State, rows: readonly AnsweredRow[]): State {
  const count = (isCounted: (row: AnsweredRow) => boolean): number => rows.filter(isCounted).length;
  const problem = rows.find((row) => row.kind === "error");
  return {
    ...state,
    answered: state.answered + count(({ kind }) => kind === "answer"),
    abstained: state.abstained + count((row) => row.kind === "answer" && row.abstained === true),
    errors: state.errors + count(({ kind }) => kind === "error"),
    blank: state.blank + count(({ kind }) => kind === "blank"),
    firstError:
      state.firstError ?? (problem === undefined ? null : `line ${problem.line}: ${problem.message}`),
  };
}

async function* chunksAfter(
  records: AsyncIterable<ScannedPrompt>,
  done: number,
): AsyncGenerator<readonly ScannedPrompt[]> {
  let chunk: ScannedPrompt[] = [];
  let seen = 0;
  for await (const record of records) {
    if (seen++ < done) continue;
    chunk.push(record);
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
