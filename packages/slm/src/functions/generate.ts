/** Answers prompts, or every row of a file. */
import type { FileSettings, PromptSettings } from "@slm/data";
import type { EndReason } from "@slm/generation";
import { SlmError } from "@slm/core/errors";
import { contextOf, type WorkContext } from "@slm/core/work";
import type { GenerateOptions, Generation, Model, SamplingOptions } from "@slm/inference";
import { locateModel, openModel, type OpenModelOptions } from "@slm/models/open";
import { readImagePrompts, readSchema, type PromptStream } from "@slm/models/prompts";
import type { RuntimeDevice } from "@slm/runtime";
import type { AnswerFileReport } from "../answers/answer-file.js";
import { problemOf, rowAnswer, type RowAnswer } from "../answers/answer-rows.js";
import { answerPrompts, streamPrompts } from "../answers/answer-prompts.js";
import { closing } from "@slm/core";
import { thresholdOf } from "@slm/models/abstain";

/** One generated text, as in the output of `--json`. */
export interface GeneratedText {
  readonly prompt: string;
  readonly text: string;
  /** Log-probability that the model assigns to the answer, including EOS [nats]. */
  readonly logProbability: number;
  /** The same as a probability, 0 to 1. */
  readonly confidence: number;
  /** Whether the answer was withheld, so that `text` is empty; only with a threshold. */
  readonly abstained?: boolean | undefined;
  /** The text after the last `####`, if the model writes a rationale first. */
  readonly answer?: string | undefined;
  /** Tokens generated. */
  readonly tokens: number;
  readonly firstTokenMs: number;
  /** The part of `firstTokenMs` spent on reading and encoding the image; only with an image. */
  readonly imageMs?: number | undefined;
  readonly tokensPerSecond: number;
  /** Whether the text ended with EOS. */
  readonly finished: boolean;
  /** Why the text ended: EOS, a `--stop` text, `--max-tokens` or `--max-time`. */
  readonly reason: EndReason;
}

/** A prompt without an answer: a blank line, or one that the model cannot read. */
interface UnansweredPrompt {
  readonly prompt: string;
  readonly text: "";
  /** Why the model cannot read it; absent for a blank line. */
  readonly error?: string | undefined;
}

export type AnsweredPrompt = GeneratedText | UnansweredPrompt;

/** The first prompt's answer, and the answers to all prompts. */
export type GeneratedTexts = AnsweredPrompt & {
  /** One per prompt, in order. */
  readonly generations: readonly AnsweredPrompt[];
  /** Whether the texts were printed while they were made. */
  readonly streamed: boolean;
  /** The device that ran the model, whether it was simulated, and the requested device if it was another one. */
  readonly device: RuntimeDevice;
};

/** Counts of the rows of a file. The answers are in the output file. */
export interface GeneratedFile extends AnswerFileReport {
  readonly device: RuntimeDevice;
}

/** Options of {@link generateTexts} and {@link generateFile}. */
interface AnswerOptions extends Omit<OpenModelOptions, "batchSize"> {
  readonly sampling: Omit<SamplingOptions, "jsonSchema">;
  readonly languages?: GenerateOptions["languages"];
  /** File with the JSON Schema that every answer must follow. */
  readonly jsonSchema?: string | undefined;
  /** A confidence from 0 to 1, a file of rows, or `off`. Default: the model's threshold. */
  readonly abstain?: string | undefined;
  /** Receives text for standard output. */
  readonly print: (text: string) => void;
}

export interface TextsOptions extends AnswerOptions {
  readonly prompts: readonly string[];
  /** Image file for all prompts. */
  readonly image?: string | undefined;
  /** Lines that are the prompts if there are no others. */
  readonly stdin: PromptStream;
  /** Prints pieces of an answer while it is generated. An answer that may be withheld is not streamed. */
  readonly stream: boolean;
}

export interface FileOptions extends AnswerOptions {
  readonly input: string;
  /** Default: `print` receives the answers. */
  readonly output?: string | undefined;
  /** How to read the file. Default: the settings of the model's recipe. */
  readonly rows?: FileSettings | undefined;
}

/**
 * Answers the prompts of one call. A prompt that the model cannot read does not discard the other answers.
 *
 * @param path any MODEL
 * @throws SlmError as opening the model; USAGE without prompts; the first problem if no prompt could be answered
 */
export async function generateTexts(path: string, options: TextsOptions): Promise<GeneratedTexts> {
  return withOpened(
    path,
    { ...options, batchSize: 1 },
    async ({ model, sampling, threshold, signal, note }) => {
      const { prompts, image, stdin, stream, print } = options;
      const streamed = stream && threshold === undefined;
      const questions = await readImagePrompts({ prompts, image, stream: stdin, model: model.directory });
      const generating = { ...sampling, abstain: threshold ?? ("off" as const), signal };
      const outcomes = streamed
        ? await streamPrompts(model, questions, generating, print)
        : await answerPrompts(model, questions, generating);
      const texts = outcomes.map((outcome, row): AnsweredPrompt => {
        const { prompt } = questions[row]!;
        if (outcome === undefined) return { prompt, text: "" };
        if (outcome instanceof SlmError) return { prompt, text: "", error: problemOf(outcome).message };
        return describe(prompt, outcome, rowAnswer(outcome, threshold));
      });
      const errors = texts.flatMap((text, row) =>
        "error" in text && text.error !== undefined ? [`line ${row + 1}: ${text.error}`] : [],
      );
      if (errors.length > 0)
        note(
          `generate  ${errors.length} ${errors.length === 1 ? "prompt is an error" : "prompts are errors"}; ${errors[0]!}`,
        );
      const withheld = texts.filter((text) => "abstained" in text && text.abstained === true).length;
      noteWithheld(withheld, texts.length, note);
      return { ...texts[0]!, generations: texts, streamed, device: model.device };
    },
  );
}

/**
 * Answers every row of a file, in order. An interrupted call resumes when it is repeated.
 *
 * @param path any MODEL
 * @throws SlmError as opening the model, and as `answerFile`
 */
export async function generateFile(path: string, options: FileOptions): Promise<GeneratedFile> {
  // Prompts of a command line need none of these, and are answered 0.2 s earlier without.
  const { DEFAULT_BATCH } = await import("@slm/inference");
  const { answerFile } = await import("../answers/answer-file.js");
  const { answerFormatOf } = await import("../answers/answer-formats.js");
  const { input, output, rows, print } = options;
  return withOpened(path, { ...options, batchSize: DEFAULT_BATCH }, async (opened) => {
    const { model, sampling, threshold, signal, progress, note } = opened;
    const settings = await promptSettings(input, model.directory, rows);
    const format = answerFormatOf(input, output);
    const report = await answerFile({
      model,
      input,
      output,
      format,
      threshold,
      settings,
      generate: { ...sampling, abstain: threshold ?? "off", signal },
      identity: { ...sampling, settings, format, threshold: threshold ?? null },
      print,
      progress,
      note,
    });
    const { answered, abstained, errors, firstError } = report;
    if (errors > 0) note(`generate  ${errors} rows failed; ${firstError ?? ""}`);
    noteWithheld(abstained, answered, note);
    return { ...report, device: model.device };
  });
}

interface Opened extends WorkContext {
  readonly model: Model;
  readonly sampling: GenerateOptions;
  readonly threshold: number | undefined;
}

/** Opens the model, chooses the threshold, runs `body` and closes the model. */
async function withOpened<Result>(
  path: string,
  { sampling, languages, jsonSchema: schema, abstain, ...loading }: AnswerOptions & OpenModelOptions,
  body: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  await locateModel(path);
  const jsonSchema = schema === undefined ? undefined : await readSchema(schema);
  const context = contextOf(loading);
  const model = await openModel(path, loading);
  return closing(model, async () => {
    const threshold = await thresholdOf(abstain, model, context.note);
    return body({ ...context, model, threshold, sampling: { ...sampling, languages, jsonSchema } });
  });
}

/** Settings for reading a file of prompts; a .txt file needs none. @throws SlmError as `rowSettingsFor` */
async function promptSettings(
  file: string,
  model: string,
  given: FileSettings | undefined,
): Promise<PromptSettings> {
  if (file.toLowerCase().endsWith(".txt")) return given ?? {};
  // Readers of rows take a second to load.
  const { rowSettingsFor } = await import("@slm/models/rows");
  return rowSettingsFor({ file, model, needed: "prompts", given });
}

function noteWithheld(withheld: number, answers: number, note: (text: string) => void): void {
  if (withheld > 0)
    note(`generate  ${withheld} of ${answers} answers withheld: confidence below the threshold`);
}

function describe(prompt: string, generation: Generation, answered: RowAnswer): GeneratedText {
  const { firstTokenMs, imageMs, tokensPerSecond, finished, reason } = generation;
  const { prediction, answer, logProbability, confidence, abstained, tokens } = answered;
  return {
    prompt,
    text: prediction,
    logProbability,
    confidence,
    abstained,
    answer,
    tokens,
    firstTokenMs,
    imageMs,
    tokensPerSecond,
    finished,
    reason,
  };
}
