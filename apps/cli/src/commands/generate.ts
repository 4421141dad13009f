import { Flags } from "@oclif/core";
import type { EndReason } from "@slm/decoding";
import type { Generation } from "@slm/inference";
import type { RuntimeDevice } from "@slm/runtime";
import { deviceFlags, deviceRequest } from "../device-flags.js";
import { PENALTIES, samplingFlags, samplingOptions } from "../models/sampling-flags.js";
import type { GenerateOptions, LoadedModel, Prompt } from "../library/load-model.js";
import { modelArgument, modelFlag, modelOf } from "../models/model-argument.js";
import { SlmCommand } from "../slm-command.js";

/** One text as `--json` shows it. */
export interface GeneratedText {
  readonly prompt: string;
  readonly text: string;
  /** What follows the last `####`, where the model writes a rationale first. */
  readonly answer?: string | undefined;
  /** Tokens generated. */
  readonly tokens: number;
  readonly firstTokenMs: number;
  /** The part of it spent on reading and encoding the image; only with an image. */
  readonly imageMs?: number | undefined;
  readonly tokensPerSecond: number;
  /** Whether it ended with EOS. */
  readonly finished: boolean;
  /** Why it ended: EOS, a `--stop` text, `--max-tokens` or `--max-time`. */
  readonly reason: EndReason;
}

export interface GenerateResult extends GeneratedText {
  /** One per prompt, in order; the fields beside it are the first one's. */
  readonly generations: readonly GeneratedText[];
  /** Whether the texts were printed while they were made. */
  readonly streamed: boolean;
  /** Whether answers are printed without their rationale. */
  readonly answersOnly: boolean;
  /** The device that ran the model, whether it was simulated, and the device that was asked for if that was another one. */
  readonly device: RuntimeDevice;
}

export class GenerateCommand extends SlmCommand<GenerateResult> {
  static override summary = "Generate text for prompts, one line each.";
  static override description =
    "MODEL is a checkpoint, an export, a quantized directory or a bundle. Without --prompt, every line of standard " +
    "input is a prompt; with --image, no prompt is needed for a model that has a default prompt. Standard output is the " +
    "generated text alone.";
  static override args = { model: modelArgument };
  static override flags = {
    prompt: Flags.string({
      char: "p",
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      helpValue: "<text>",
      summary: "Text to answer; may be repeated.",
    }),
    image: Flags.string({
      char: "i",
      helpValue: "<file>",
      summary:
        "JPEG, PNG, WebP, GIF, TIFF, AVIF or BMP that the prompts are about, for vision-language models.",
    }),
    stream: Flags.boolean({ summary: "Print text as it is generated, one prompt after the other." }),
    answer: Flags.boolean({
      summary: "Print only what follows the last ####, for models that write a rationale first.",
      exclusive: ["stream"],
    }),
    ...samplingFlags,
    "prompt-lookup": Flags.integer({
      min: 1,
      max: 64,
      helpValue: "<n>",
      summary:
        "Prompt lookup decoding: propose up to n draft tokens by copying from the prompt and the answer, and verify them in one run. The answers are the same, and " +
        "faster where text repeats.",
      exclusive: ["beams", "temperature", "json-schema", ...PENALTIES],
    }),
    model: modelFlag,
    ...deviceFlags,
  };
  static override examples = [
    "<%= config.bin %> generate runs/quickstart/deploy --prompt hello",
    "<%= config.bin %> generate MODEL --prompt hello --temperature 0.8 --top-p 0.9 --seed 7 --stop END",
    "<%= config.bin %> generate runs/vqa/deploy --image scene.png --prompt 'how many stars are there?' --answer",
    "cat words.txt | <%= config.bin %> generate runs/quickstart/deploy --beams 4",
  ];

  protected override async execute(): Promise<GenerateResult> {
    const { args, flags } = await this.parse(GenerateCommand);
    const path = modelOf(args.model, flags.model);
    const { readImagePrompts } = await import("../models/image-prompts.js");
    const { loadModel } = await import("../library/load-model.js");
    const { locateModel } = await import("../models/locate-model.js");
    const { answerOf } = await import("@slm/metrics");
    const { readSchema } = await import("../models/read-constraint.js");
    await locateModel(path);
    const schema = flags["json-schema"];
    const jsonSchema = schema === undefined ? undefined : await readSchema(schema);
    const streamed = flags.stream && !this.jsonEnabled();
    const { prompt: prompts, image, "prompt-lookup": promptLookup } = flags;
    const model = await loadModel(path, { ...deviceRequest(flags), promptLookup, ...this.work });
    try {
      const questions = await readImagePrompts({
        prompts,
        image,
        stream: process.stdin,
        model: model.directory,
      });
      const options = { ...samplingOptions(flags), jsonSchema, signal: this.signal };
      const asked = questions.map(({ source }) => source);
      const results = streamed
        ? await this.#stream(model, asked, options)
        : await model.generate(asked, options);
      const texts = results.map((generation, row) =>
        describe(questions[row]!.prompt, generation, answerOf(generation.text)),
      );
      const { device } = model;
      return { ...texts[0]!, generations: texts, streamed, answersOnly: flags.answer, device };
    } finally {
      await model.close();
    }
  }

  /** Prints answers while they are made, one after the other. */
  async #stream(
    model: LoadedModel,
    prompts: readonly Prompt[],
    options: GenerateOptions,
  ): Promise<readonly Generation[]> {
    const onToken = (_row: number, piece: string): void => {
      process.stdout.write(piece);
    };
    const results: Generation[] = [];
    for (const prompt of prompts) {
      results.push(await model.generate(prompt, { ...options, onToken }));
      process.stdout.write("\n");
    }
    return results;
  }

  protected override lines({ generations, streamed, answersOnly }: GenerateResult): readonly string[] {
    return streamed ? [] : generations.map(({ text, answer }) => (answersOnly ? (answer ?? text) : text));
  }
}

function describe(prompt: string, generation: Generation, answer: string | undefined): GeneratedText {
  const { text, tokens, firstTokenMs, imageMs, tokensPerSecond, finished, reason } = generation;
  return {
    prompt,
    text,
    answer,
    tokens: tokens.length,
    firstTokenMs,
    imageMs,
    tokensPerSecond,
    finished,
    reason,
  };
}
