import { Flags } from "@oclif/core";
import { SlmError } from "@slm/core/errors";
import { answerFor } from "@slm/core/format";
import type { GeneratedFile, GeneratedTexts } from "@slm/slm/functions/generate";
import { abstainFlag } from "../flags/abstain-flag.js";
import { deviceFlags } from "../flags/device-flags.js";
import { languageFlags, languageOptions } from "../flags/language-flags.js";
import { samplingFlags, samplingOptions } from "../flags/sampling-flags.js";
import { keyFlag, modelArgument, modelFlag, modelOf } from "../flags/model-argument.js";
import { rowsFlag, rowsOf } from "../flags/rows-flag.js";
import { optimizeLater } from "../ui/optimize-later.js";
import { optionsOf } from "../flags/options-of.js";
import { SlmCommand } from "../ui/slm-command.js";

/** Answers to prompts, and how they are printed. */
type TextsResult = GeneratedTexts & {
  /** Whether answers are printed without their rationale. */
  readonly answersOnly: boolean;
};

export class GenerateCommand extends SlmCommand<TextsResult | GeneratedFile> {
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

  protected override async execute(): Promise<TextsResult | GeneratedFile> {
    const { args, flags } = await this.parse(GenerateCommand);
    const path = modelOf(args.model, flags.model);
    checkDestination(flags.input, flags.output, this.jsonEnabled());
    const { generateFile, generateTexts } = await import("@slm/slm/functions/generate");
    const { prompt: prompts, image, input, output, set, ...given } = optionsOf(flags);
    const options = {
      ...given,
      sampling: samplingOptions(flags),
      languages: languageOptions(flags),
      print: (text: string) => process.stdout.write(this.shown(text)),
      ...this.work,
    };
    if (input !== undefined)
      return generateFile(path, { ...options, input, output, rows: await rowsOf(set) });
    await optimizeLater();
    const stream = flags.stream && !this.jsonEnabled();
    const texts = await generateTexts(path, { ...options, prompts, image, stream, stdin: process.stdin });
    return { ...texts, answersOnly: flags.answer };
  }

  protected override shown(text: string): string {
    return answerFor(process.stdout)(text);
  }

  protected override lines(result: TextsResult | GeneratedFile): readonly string[] {
    if (!("generations" in result)) return result.output === null ? [] : [result.output];
    const { generations, streamed, answersOnly } = result;
    return streamed
      ? []
      : generations.map((generation) =>
          answersOnly && "answer" in generation ? (generation.answer ?? generation.text) : generation.text,
        );
  }
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
