import { Flags } from "@oclif/core";
import type { PromptSettings } from "@slm/data";
import type { EndReason } from "@slm/generation";
import { ahead, SPECULATION_FLAG } from "@slm/generation/speculation";
import { SlmError } from "@slm/core/errors";
import type { GenerateOptions, Generation, Model } from "@slm/inference";
import type { RuntimeDevice } from "@slm/runtime";
import { abstainFlag } from "../flags/abstain-flag.js";
import type { AnswerFileReport } from "@slm/slm/answers/answer-file";
import type { RowAnswer } from "@slm/slm/answers/answer-rows";
import { deviceFlags, deviceRequest } from "../flags/device-flags.js";
import { languageFlags, languageOptions } from "../flags/language-flags.js";
import { PENALTIES, samplingFlags, samplingOptions } from "../flags/sampling-flags.js";
import { keyFlag, modelArgument, modelFlag, modelOf } from "../flags/model-argument.js";
import { rowsFlag, rowsOf } from "../flags/rows-flag.js";
import { optimizeLater } from "../ui/optimize-later.js";
import { SlmCommand } from "../ui/slm-command.js";
import { answerFor } from "@slm/core/format";

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
export type GenerateResult = AnsweredPrompt & GeneratedTexts;

interface GeneratedTexts {
  /** One per prompt, in order. */
  readonly generations: readonly AnsweredPrompt[];
  /** Whether the texts were printed while they were made. */
  readonly streamed: boolean;
  /** Whether answers are printed without their rationale. */
  readonly answersOnly: boolean;
  /** The device that ran the model, whether it was simulated, and the requested device if it was another one. */
  readonly device: RuntimeDevice;
}

/** Result of `--input`: counts of the rows. The answers are in the file. */
export interface GenerateFileResult extends AnswerFileReport {
  readonly device: RuntimeDevice;
}

export class GenerateCommand extends SlmCommand<GenerateResult | GenerateFileResult> {
  static override summary = "Generate text for prompts, or for every row of a file.";
  static override description =
    "MODEL is a checkpoint, an export, a quantized directory or a bundle. Without --prompt, each line of standard input is a " +
    "prompt. With --image, you can omit the prompt if the model has a default prompt. Standard output contains only the " +
    "generated text.\n\n" +
    "--input answers a file in order: JSONL, CSV, TSV, Parquet, or .txt with one prompt per line. The extension of --output selects the " +
    "format: .jsonl and .csv keep the columns and add prediction, confidence and error; .txt has one answer per line. If the model " +
    "cannot process a row, the error is written to that row. To resume an interrupted run, run the command again.";
  static override args = { model: modelArgument };
  static override flags = {
    prompt: Flags.string({
      char: "p",
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: "<text>",
      summary: "Answer this text; repeatable.",
    }),
    image: Flags.string({
      char: "i",
      helpValue: "<file>",
      summary:
        "Add this image (JPEG, PNG, WebP, GIF, TIFF or AVIF) to the prompts, for vision-language models.",
    }),
    input: Flags.string({
      helpValue: "<file>",
      summary: "Answer every row of this file.",
      exclusive: ["prompt", "image", "stream"],
    }),
    output: Flags.string({
      char: "o",
      helpValue: "<file>",
      summary: "Write the answers of --input to this file. Default: standard output.",
      dependsOn: ["input"],
    }),
    set: rowsFlag,
    abstain: abstainFlag,
    stream: Flags.boolean({ summary: "Print text as it is generated, one prompt after the other." }),
    answer: Flags.boolean({
      summary: "Print only the text after the last ####, for models that write a rationale first.",
      exclusive: ["stream"],
    }),
    ...languageFlags,
    ...samplingFlags,
    "prompt-lookup": Flags.integer({
      min: 1,
      max: 64,
      helpValue: "<n>",
      summary:
        "Speed up repetitive text: verify n tokens per run, copied from prompt and answer. Answers stay the same.",
      exclusive: ["beams", "temperature", "json-schema", ...PENALTIES],
    }),
    [SPECULATION_FLAG.name]: Flags.integer({
      min: 0,
      max: SPECULATION_FLAG.most,
      helpValue: "<n>",
      summary: SPECULATION_FLAG.generate,
    }),
    model: modelFlag,
    key: keyFlag,
    ...deviceFlags,
  };
  static override examples = [
    "<%= config.bin %> generate runs/quickstart/deploy --prompt hello",
    "<%= config.bin %> generate MODEL --prompt hello --temperature 0.8 --top-p 0.9 --seed 7 --stop END",
    "<%= config.bin %> generate runs/vqa/deploy --image scene.png --prompt 'how many stars are there?' --answer",
    "<%= config.bin %> generate runs/quickstart/deploy --input words.csv --output answers.csv",
    "<%= config.bin %> generate nllb-cpu --prompt Hello. --source-language eng_Latn --target-language fra_Latn",
    "cat words.txt | <%= config.bin %> generate runs/quickstart/deploy --beams 4",
  ];

  protected override async execute(): Promise<GenerateResult | GenerateFileResult> {
    const { args, flags } = await this.parse(GenerateCommand);
    const path = modelOf(args.model, flags.model);
    checkDestination(flags.input, flags.output, this.jsonEnabled());
    const { thresholdOf } = await import("@slm/models/abstain");
    const { readImagePrompts } = await import("@slm/models/prompts");
    const { openModel } = await import("@slm/models/open");
    const { locateModel } = await import("@slm/models/open");
    const { problemOf, rowAnswer } = await import("@slm/slm/answers/answer-rows");
    const { answerPrompts, streamPrompts } = await import("@slm/slm/answers/answer-prompts");
    const { readSchema } = await import("@slm/models/prompts");
    await locateModel(path);
    const schema = flags["json-schema"];
    const jsonSchema = schema === undefined ? undefined : await readSchema(schema);
    const { prompt: prompts, image, key } = flags;
    const speculation = ahead(flags[SPECULATION_FLAG.name]);
    // Only the rows of a file are answered in batches.
    const batchSize = flags.input === undefined ? 1 : (await import("@slm/inference")).DEFAULT_BATCH;
    const loading = { promptLookup: flags["prompt-lookup"], ...speculation, batchSize, key };
    if (flags.input === undefined) await optimizeLater();
    const model = await openModel(path, { ...deviceRequest(flags), ...loading, ...this.work });
    try {
      const threshold = await thresholdOf(flags.abstain, model, (text) => {
        this.note(text);
      });
      const sampling = { ...samplingOptions(flags), languages: languageOptions(flags), jsonSchema };
      const options = { ...sampling, abstain: threshold ?? ("off" as const), signal: this.signal };
      const { input, output } = flags;
      if (input !== undefined) {
        const settings = await promptSettings(input, model.directory, flags.set);
        return await this.#answerFile(model, { input, output, settings, sampling, threshold });
      }
      // An answer can be withheld only after it is complete.
      const streamed = flags.stream && !this.jsonEnabled() && threshold === undefined;
      const questions = await readImagePrompts({
        prompts,
        image,
        stream: process.stdin,
        model: model.directory,
      });
      const outcomes = streamed
        ? await streamPrompts(model, questions, options, (piece) => {
            process.stdout.write(this.shown(piece));
          })
        : await answerPrompts(model, questions, options);
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
        this.note(
          `generate  ${errors.length} ${errors.length === 1 ? "prompt is an error" : "prompts are errors"}; ${errors[0]!}`,
        );
      const withheld = texts.filter((text) => "abstained" in text && text.abstained === true).length;
      if (withheld > 0)
        this.note(
          `generate  ${withheld} of ${texts.length} answers withheld: confidence below the threshold`,
        );
      const { device } = model;
      return { ...texts[0]!, generations: texts, streamed, answersOnly: flags.answer, device };
    } finally {
      await model.close();
    }
  }

  async #answerFile(
    model: Model,
    { input, output, settings, sampling, threshold }: FileOptions,
  ): Promise<GenerateFileResult> {
    const { answerFile } = await import("@slm/slm/answers/answer-file");
    const { answerFormatOf } = await import("@slm/slm/answers/answer-formats");
    const { progress } = this.context(1);
    const format = answerFormatOf(input, output);
    const report = await answerFile({
      model,
      input,
      output,
      format,
      threshold,
      settings,
      generate: { ...sampling, abstain: threshold ?? "off", signal: this.signal },
      identity: { ...sampling, settings, format, threshold: threshold ?? null },
      print: (text) => process.stdout.write(this.shown(text)),
      progress,
      note: (text) => {
        this.note(text);
      },
    });
    const { answered, abstained, errors, firstError } = report;
    if (errors > 0) this.note(`generate  ${errors} rows failed; ${firstError ?? ""}`);
    if (abstained > 0)
      this.note(`generate  ${abstained} of ${answered} answers withheld: confidence below the threshold`);
    return { ...report, device: model.device };
  }

  protected override shown(text: string): string {
    return answerFor(process.stdout)(text);
  }

  protected override lines(result: GenerateResult | GenerateFileResult): readonly string[] {
    if (!("generations" in result)) return result.output === null ? [] : [result.output];
    const { generations, streamed, answersOnly } = result;
    return streamed
      ? []
      : generations.map((generation) =>
          answersOnly && "answer" in generation ? (generation.answer ?? generation.text) : generation.text,
        );
  }
}

/** Settings for reading a file of prompts; a .txt file needs none. @throws SlmError as `rowSettingsFor` and {@link rowsOf} */
async function promptSettings(file: string, model: string, sets: readonly string[]): Promise<PromptSettings> {
  const given = await rowsOf(sets);
  if (file.toLowerCase().endsWith(".txt")) return given ?? {};
  const { rowSettingsFor } = await import("@slm/models/rows");
  return rowSettingsFor({ file, model, needed: "prompts", given });
}

interface FileOptions {
  readonly input: string;
  readonly settings: PromptSettings;
  readonly output: string | undefined;
  readonly sampling: GenerateOptions;
  readonly threshold: number | undefined;
}

/** @throws SlmError USAGE if the answers and the JSON result would both go to standard output */
function checkDestination(input: string | undefined, output: string | undefined, isJson: boolean): void {
  if (input === undefined || output !== undefined || !isJson) return;
  throw new SlmError(
    "USAGE",
    "generate: --input with --json needs --output, because standard output has the JSON result",
    {
      suggestions: ["--output answers.jsonl"],
    },
  );
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
