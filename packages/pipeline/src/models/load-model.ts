/** A loaded model that generates text. */
import type { DeviceModel } from "@slm/exported-model";
import type {
  Generation,
  Model,
  GenerateOptions as InferenceOptions,
  SamplingOptions,
  Source,
} from "@slm/inference";
import type { Runtime, RuntimeDevice } from "@slm/runtime";
import type { DeviceRequest } from "../compute/devices.js";
import { contextOf, type WorkOptions } from "../stage/work.js";

/** A prompt: a text, for a vision-language model an image, and for a multilingual one perhaps languages. */
export type Prompt =
  | string
  | {
      /** Default: the model's default prompt, if it has one. */
      readonly text?: string | undefined;
      /** A file, or the bytes of one: PNG, JPEG, WebP or another format that sharp reads. */
      readonly image?: string | Uint8Array | undefined;
      /** Language of this prompt, in the place of that of the options. */
      readonly sourceLanguage?: string | undefined;
      /** Language of its answer, in the place of that of the options. */
      readonly targetLanguage?: string | undefined;
    };

/** The device that runs the model. */
export interface LoadModelOptions extends WorkOptions, DeviceRequest {
  /**
   * Prompt lookup decoding: the largest number of draft tokens that are verified in one run. The greedy answers are the same, and
   * faster where text repeats.
   */
  readonly promptLookup?: number | undefined;
  /** Public key file (PEM): only a bundle signed with it is loaded. Default: every model is. */
  readonly key?: string | undefined;
  /**
   * Largest number of draft tokens of the model's own rules that are verified in one run; prompts are then decoded one by one. The
   * greedy answers are the same. Default: 12, for prompts that are decoded alone. 0: none.
   */
  readonly draftTokens?: number | undefined;
  /** Prompts that are usually answered together. Default: 1; small models then compute on one thread, unless `threads` says otherwise. */
  readonly batchSize?: number | undefined;
}

/** Options of a generation. */
export interface GenerateOptions extends SamplingOptions {
  /** Prompts that are decoded together. Default: 16. */
  readonly batchSize?: number | undefined;
  /**
   * Language of prompts, as the tokenizer of a multilingual model names it: fra_Latn (NLLB), fr (M2M-100), fr_XX (mBART).
   * Default: the model's own.
   */
  readonly sourceLanguage?: string | undefined;
  /** Language of answers, named alike. Default: the model's own. */
  readonly targetLanguage?: string | undefined;
  /** Answers are JSON that this JSON Schema allows. */
  readonly jsonSchema?: unknown;
  /** Called with each new piece of an answer's text, and the index of its prompt. */
  readonly onToken?: ((row: number, piece: string) => void) | undefined;
  /** Stops between two tokens when it is aborted; the promise is rejected with an `SlmError` of code INTERRUPTED. */
  readonly signal?: AbortSignal | undefined;
}

/** A loaded model. Calls may overlap. Call {@link LoadedModel.close} when it is no longer needed. */
export interface LoadedModel {
  /** Directory with model.json, graphs and tokenizer; of a checkpoint and of a packed bundle a temporary one. */
  readonly directory: string;
  /** Contents of model.json. */
  readonly description: DeviceModel;
  /** The device that runs the model, whether it is simulated, and the requested device where that is another one. */
  readonly device: RuntimeDevice;
  /**
   * Answers one prompt.
   *
   * @throws SlmError DATA_INVALID for a prompt that the model cannot read, USAGE for options that do not go together,
   * INTERRUPTED
   */
  generate(prompt: Prompt, options?: GenerateOptions): Promise<Generation>;
  /** Answers prompts in batches. Returns one answer per prompt, in order. @throws SlmError as for one prompt */
  generate(prompts: readonly Prompt[], options?: GenerateOptions): Promise<readonly Generation[]>;
  /**
   * Streams the answer to one prompt. The pieces add up to the text; leaving the loop early stops the generation.
   *
   * @throws SlmError as generate
   */
  stream(
    prompt: Prompt,
    options?: Omit<GenerateOptions, "onToken" | "batchSize">,
  ): AsyncGenerator<string, Generation>;
  /** Cancels calls in progress and removes temporary files. A second call does nothing. */
  close(): Promise<void>;
}

/** Loads a model and its device.
 *
 * @param model directory of a checkpoint, an export, a quantized model or a bundle, or a bundle in one file
 * @throws SlmError INPUT_MISSING, DATA_INVALID; DEVICE_UNAVAILABLE where the device is missing and fallback is not allowed
 * @example
 * const model = await loadModel("runs/mine/deploy");
 * const { text } = await model.generate("hello");
 * for await (const piece of model.stream("hello")) process.stdout.write(piece);
 * await model.close();
 */
export async function loadModel(model: string, options: LoadModelOptions = {}): Promise<LoadedModel> {
  const { openDevice } = await import("./with-device.js");
  const { deviceNotes } = await import("@slm/runtime");
  const { openModel } = await import("@slm/inference");
  const { progress, signal, note } = contextOf(options);
  const { device, soc, fallback, threads, tune, promptLookup, draftTokens, batchSize, key } = options;
  const request = { device, soc, fallback, threads, tune, key };
  const opened = await openDevice([model], { ...request, progress, signal });
  const [directory = ""] = opened.directories;
  const { runtime } = opened;
  try {
    for (const text of deviceNotes(runtime.device)) note(text);
    const generator = await openModel(directory, runtime, { promptLookup, draftTokens, batchSize });
    return new OpenModel({ directory, runtime, generator, close: opened.close });
  } catch (error) {
    await opened.close();
    throw error;
  }
}

interface Parts {
  readonly directory: string;
  readonly runtime: Runtime;
  readonly generator: Model;
  readonly close: () => Promise<void>;
}

class OpenModel implements LoadedModel {
  readonly #parts: Parts;
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get directory(): string {
    return this.#parts.directory;
  }

  get description(): DeviceModel {
    return this.#parts.generator.model;
  }

  get device(): RuntimeDevice {
    return this.#parts.runtime.device;
  }

  generate(prompt: Prompt, options?: GenerateOptions): Promise<Generation>;
  generate(prompts: readonly Prompt[], options?: GenerateOptions): Promise<readonly Generation[]>;
  async generate(
    asked: Prompt | readonly Prompt[],
    options: GenerateOptions = {},
  ): Promise<Generation | readonly Generation[]> {
    const prompts = isList(asked) ? asked : [asked];
    const sources = await Promise.all(prompts.map(sourceOf));
    const generations = await this.#parts.generator.generate(sources, await this.#settings(options));
    return isList(asked) ? generations : generations[0]!;
  }

  async *stream(
    prompt: Prompt,
    options: Omit<GenerateOptions, "onToken" | "batchSize"> = {},
  ): AsyncGenerator<string, Generation> {
    const { streamPieces } = await import("@slm/inference");
    return yield* streamPieces(
      (onPiece, signal) =>
        this.generate(prompt, {
          ...options,
          signal,
          onToken: (_row, piece) => {
            onPiece(piece);
          },
        }),
      options.signal,
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#parts.generator.close();
    await this.#parts.close();
  }

  async #settings({
    batchSize,
    sourceLanguage,
    targetLanguage,
    jsonSchema,
    onToken,
    signal,
    ...sampling
  }: GenerateOptions): Promise<InferenceOptions> {
    const { samplingOptions } = await import("@slm/inference");
    const { schemaConstraint } = await import("./read-constraint.js");
    const constraint =
      jsonSchema === undefined ? undefined : await schemaConstraint(jsonSchema, this.#parts.directory);
    return {
      ...samplingOptions(sampling),
      batchSize,
      languages: { source: sourceLanguage, target: targetLanguage },
      constraint,
      onToken,
      signal,
    };
  }
}

const isList = (asked: Prompt | readonly Prompt[]): asked is readonly Prompt[] => Array.isArray(asked);

async function sourceOf(prompt: Prompt): Promise<Source> {
  if (typeof prompt === "string") return prompt;
  const { text, image, sourceLanguage: source, targetLanguage: target } = prompt;
  const languages = { source, target };
  if (image === undefined) return { text, languages };
  const { imageOfBytes, imageOfFile } = await import("@slm/vision");
  const shown = typeof image === "string" ? imageOfFile(image) : imageOfBytes(image, "the image");
  return { text, image: shown, languages };
}
