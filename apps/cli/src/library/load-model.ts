/** A model that is loaded and answers prompts. */
import type { DeviceModel } from "@slm/exported-model";
import type {
  Generation,
  Generator,
  GenerateOptions as InferenceOptions,
  SamplingOptions,
  Source,
} from "@slm/inference";
import type { Runtime, RuntimeDevice } from "@slm/runtime";
import type { DeviceRequest } from "../compute/devices.js";
import { contextOf, type WorkOptions } from "./work.js";

/** What a model is asked: a text, of a vision-language model about an image. */
export type Prompt =
  | string
  | {
      /** Default: the question that the model has of its own, if it has one. */
      readonly text?: string | undefined;
      /** A file, or the bytes of one: PNG, JPEG, WebP and what else sharp reads. */
      readonly image?: string | Uint8Array | undefined;
    };

/** What computes the model. */
export interface LoadModelOptions extends WorkOptions, DeviceRequest {
  /** Most draft tokens taken at once by prompt lookup, and checked in one run: the same greedy answers, sooner where they repeat. */
  readonly promptLookup?: number | undefined;
}

/** How to answer. */
export interface GenerateOptions extends SamplingOptions {
  /** Prompts that are decoded together. Default: 16. */
  readonly batchSize?: number | undefined;
  /** Answers are JSON that this JSON Schema allows. */
  readonly jsonSchema?: unknown;
  /** Is called with each new piece of an answer's text, and the place of its prompt. */
  readonly onToken?: ((row: number, piece: string) => void) | undefined;
  /** Stops between two tokens when it is aborted; the promise is rejected with an `SlmError` of code INTERRUPTED. */
  readonly signal?: AbortSignal | undefined;
}

/** A model that is ready. Calls may overlap. {@link LoadedModel.close} it when it is no longer needed. */
export interface LoadedModel {
  /** Directory with model.json, graphs and tokenizer; of a checkpoint and of a packed bundle a temporary one. */
  readonly directory: string;
  /** What model.json says of it. */
  readonly description: DeviceModel;
  /** What computes, whether it is simulated, and what was to compute before. */
  readonly device: RuntimeDevice;
  /**
   * Answers one prompt.
   *
   * @throws SlmError DATA_INVALID for a prompt that the model cannot read, USAGE for options that do not go together,
   * INTERRUPTED
   */
  generate(prompt: Prompt, options?: GenerateOptions): Promise<Generation>;
  /** Answers prompts together, in batches; one answer per prompt, in their order. @throws SlmError as for one prompt */
  generate(prompts: readonly Prompt[], options?: GenerateOptions): Promise<readonly Generation[]>;
  /**
   * Answers one prompt piece by piece; the pieces add up to the text. Leaving the loop early stops the model.
   *
   * @throws SlmError as generate
   */
  stream(
    prompt: Prompt,
    options?: Omit<GenerateOptions, "onToken" | "batchSize">,
  ): AsyncGenerator<string, Generation>;
  /** Ends calls in progress, and removes what was made for this model. Closing twice is closing once. */
  close(): Promise<void>;
}

/**
 * Loads a model and what computes it.
 *
 * @param model directory of a checkpoint, an export, a quantized model or a bundle, or a bundle in one file
 * @throws SlmError INPUT_MISSING, DATA_INVALID; DEVICE_UNAVAILABLE where a device is not here and nothing may take its place
 * @example
 * const model = await loadModel("runs/mine/deploy");
 * const { text } = await model.generate("hello");
 * for await (const piece of model.stream("hello")) process.stdout.write(piece);
 * await model.close();
 */
export async function loadModel(model: string, options: LoadModelOptions = {}): Promise<LoadedModel> {
  const { openDevice } = await import("../compute/with-device.js");
  const { deviceNotes } = await import("@slm/runtime");
  const { loadGenerator } = await import("@slm/inference");
  const { progress, signal, note } = contextOf(options);
  const { device, fallback, threads, tune, promptLookup } = options;
  const opened = await openDevice([model], { device, fallback, threads, tune, progress, signal });
  const [directory = ""] = opened.directories;
  const { runtime } = opened;
  try {
    for (const text of deviceNotes(runtime.device)) note(text);
    const generator = await loadGenerator(directory, runtime, { promptLookup });
    return new OpenModel({ directory, runtime, generator, close: opened.close });
  } catch (error) {
    await opened.close();
    throw error;
  }
}

interface Parts {
  readonly directory: string;
  readonly runtime: Runtime;
  readonly generator: Generator;
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
    jsonSchema,
    onToken,
    signal,
    ...sampling
  }: GenerateOptions): Promise<InferenceOptions> {
    const { samplingOptions } = await import("@slm/inference");
    const { schemaConstraint } = await import("../models/read-constraint.js");
    const constraint =
      jsonSchema === undefined ? undefined : await schemaConstraint(jsonSchema, this.#parts.directory);
    return {
      ...samplingOptions(sampling),
      batchSize,
      constraint,
      onToken,
      signal,
    };
  }
}

const isList = (asked: Prompt | readonly Prompt[]): asked is readonly Prompt[] => Array.isArray(asked);

async function sourceOf(prompt: Prompt): Promise<Source> {
  if (typeof prompt === "string") return prompt;
  const { text, image } = prompt;
  if (image === undefined) return { text };
  const { imageOfBytes, imageOfFile } = await import("@slm/vision");
  return { text, image: typeof image === "string" ? imageOfFile(image) : imageOfBytes(image, "the image") };
}
