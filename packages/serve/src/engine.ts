/** A bundle that is loaded and answers texts, many at once. */
import { readDeviceModel, type DeviceModel } from "@slm/exported-model";
import { resolveInside } from "@slm/core";
import {
  checkRules,
  createRandom,
  createTokenChooser,
  isRuling,
  type SamplingOptions,
  type TokenConstraint,
  type TokenRules,
} from "@slm/decoding";
import { SlmError } from "@slm/core";
import {
  BLANK_IMAGE,
  ImageEncoder,
  StopText,
  TextStream,
  checkLength,
  loadEdited,
  questionText,
  withLikeliest,
} from "@slm/inference";
import type { HostTensor, Runtime, Session } from "@slm/runtime";
import { createTokenizer, readTokenizerFiles, type Tokenizer } from "@slm/tokenizer";
import type { ImageSource } from "@slm/vision";
import { BatchLoop, type LoopObserver, type LoopOptions } from "./batching/batch-loop.js";
import { perRowDecoder } from "./batching/per-row-decoder.js";
import { TextFormats, type TextFormat } from "./text-formats.js";

export interface TextRequest {
  /** Undefined: what the model itself asks about an image. */
  readonly source: string | undefined;
  /** What the source is about, for a model that sees. */
  readonly image?: ImageSource | undefined;
  /** Default: all that fit. */
  readonly maxTokens?: number;
  /** Default: the likeliest token. */
  readonly sampling?: SamplingOptions & { readonly seed: number };
  /** Bias and penalties. The repetition penalty counts a decoder-only model's source too. */
  readonly rules?: TokenRules;
  /** What the answer must be. Default: any text. */
  readonly format?: TextFormat;
  /** Sequences that end the answer. */
  readonly stop?: readonly string[];
  /** Told each piece of the text as soon as it is certain. */
  readonly onText?: (piece: string) => void;
  readonly signal: AbortSignal;
}

export interface TextAnswer {
  readonly text: string;
  readonly reason: "stop" | "length";
  readonly sourceTokens: number;
  readonly tokens: number;
  readonly waitedMs: number;
  /** Reading and seeing the image, before the request was queued; only of a model that sees. */
  readonly imageMs?: number;
  readonly firstTokenMs: number;
  readonly totalMs: number;
}

/** A checked request, not yet queued. */
export interface PreparedText {
  readonly run: () => Promise<TextAnswer>;
}

interface CheckedText {
  readonly source: readonly number[];
  readonly maxTokens: number;
  readonly constraint: TokenConstraint | undefined;
}

interface EngineParts {
  readonly tokenizer: Tokenizer;
  readonly formats: TextFormats;
  readonly loop: BatchLoop;
  readonly images: ImageEncoder | undefined;
  readonly runtime: Runtime;
}

export class ServingEngine {
  readonly model: DeviceModel;
  /** When it was loaded [s since 1970]. */
  readonly loadedAt = Math.floor(Date.now() / 1000);
  readonly loop: BatchLoop;
  readonly #tokenizer: Tokenizer;
  readonly #formats: TextFormats;
  readonly #images: ImageEncoder | undefined;
  readonly #runtime: Runtime;
  /** Requests whose images are being read, which are not yet queued. */
  #seeing = 0;

  constructor(model: DeviceModel, parts: EngineParts) {
    this.model = model;
    this.loop = parts.loop;
    this.#tokenizer = parts.tokenizer;
    this.#formats = parts.formats;
    this.#images = parts.images;
    this.#runtime = parts.runtime;
  }

  /** Whether `count` more requests would be taken now; those whose images are still read have their place. */
  hasRoom(count: number): boolean {
    return this.loop.hasRoom(this.#seeing + count);
  }

  /**
   * Checks a request against what the model reads and can say.
   *
   * @throws SlmError DATA_INVALID for a source that is empty, too long or holds an unknown symbol, an image where the model
   * reads text only, or none where it needs one; USAGE for a number of tokens that does not fit. Running it throws
   * DATA_INVALID for an image that cannot be read.
   */
  prepare(request: TextRequest): PreparedText {
    const { maxTarget, architecture } = this.model;
    const text = questionText({ text: request.source, image: request.image }, this.model, "the request");
    const source = this.#tokenizer.encodeSource(text);
    checkLength(source.length, this.model, "the source");
    const room = maxTarget - (architecture === "decoder-only" ? source.length : 0);
    const maxTokens = Math.min(request.maxTokens ?? room, room);
    if (maxTokens < 1)
      throw new SlmError("USAGE", `a source of ${source.length} tokens leaves no room for an answer`);
    if (request.rules !== undefined) checkRules(request.rules, this.model.vocabularySize);
    const constraint = request.format === undefined ? undefined : this.#formats.constraintOf(request.format);
    return { run: () => this.#run(request, { source, maxTokens, constraint }) };
  }

  /** Ends after the answers in progress. */
  async close(): Promise<void> {
    await this.loop.close();
    await this.#images?.release();
    await this.#runtime.close();
  }

  async #run(request: TextRequest, checked: CheckedText): Promise<TextAnswer> {
    const { source, maxTokens } = checked;
    const { stop = [], onText, signal } = request;
    const tokens: number[] = [];
    let text = "";
    const cut = new StopText(stop, (piece) => {
      text += piece;
      onText?.(piece);
    });
    const decode = (ids: readonly number[]): string => this.#tokenizer.decode(ids);
    // Nobody reads along: the text is decoded once, at the end.
    const isWhole = onText === undefined && stop.length === 0;
    const stream = new TextStream(decode, 0, (_row, piece) => {
      cut.push(piece);
    });
    const seen = await this.#see(request);
    const result = await this.loop.submit({
      source,
      image: seen?.tokens,
      maxTokens,
      choose: this.#chooser(request, checked),
      onToken: (token) => {
        tokens.push(token);
        if (!isWhole) stream.push(token);
        return !cut.isStopped;
      },
      signal,
    });
    if (isWhole) text = decode(tokens);
    else {
      stream.end();
      cut.end();
    }
    const { reason, waitedMs, firstTokenMs, totalMs } = result;
    const counted = {
      sourceTokens: (this.model.vision?.tokens ?? 0) + source.length,
      tokens: result.tokens,
    };
    const imageMs = seen?.imageMs ?? 0;
    return {
      ...{ text, reason, ...counted, waitedMs },
      ...(seen === undefined ? {} : { imageMs }),
      firstTokenMs: imageMs + firstTokenMs,
      totalMs: imageMs + totalMs,
    };
  }

  /** Tokens of the request's image; undefined for a model that reads text only. */
  async #see({
    image,
    signal,
  }: TextRequest): Promise<{ readonly tokens: HostTensor; readonly imageMs: number } | undefined> {
    if (image === undefined || this.#images === undefined) return undefined;
    const began = performance.now();
    this.#seeing++;
    try {
      const tokens = await this.#images.tokensOf(image);
      signal.throwIfAborted();
      return { tokens, imageMs: performance.now() - began };
    } finally {
      this.#seeing--;
    }
  }

  /** Undefined where the likeliest token is taken as it is. */
  #chooser(
    { sampling, rules }: TextRequest,
    { source, constraint }: CheckedText,
  ): ((logits: Float32Array) => number) | undefined {
    if (sampling === undefined && constraint === undefined && !isRuling(rules)) return undefined;
    const { tokens, architecture } = this.model;
    return createTokenChooser({
      eos: tokens.eos,
      before: [...(architecture === "decoder-only" ? source : []), tokens.bos],
      ...(sampling === undefined
        ? {}
        : { sampling: { ...sampling, random: createRandom(sampling.seed).next } }),
      ...(rules === undefined ? {} : { rules }),
      ...(constraint === undefined ? {} : { constraint }),
    });
  }
}

/**
 * Loads a bundle for serving. The runtime is the engine's own from then on.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID for a bundle that is not whole; OP_UNSUPPORTED for a decoder whose rows
 * cannot stand at positions of their own.
 */
export async function loadEngine(
  directory: string,
  runtime: Runtime,
  options: LoopOptions & LoopObserver,
): Promise<ServingEngine> {
  const model = await readDeviceModel(directory);
  const files = await readTokenizerFiles(directory);
  const tokenizer = createTokenizer(files);
  if (tokenizer.vocabularySize > model.vocabularySize) {
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: the tokenizer has ${tokenizer.vocabularySize} tokens, the model only ${model.vocabularySize}`,
    );
  }
  const { vision: visionGraph, encoder: encoderGraph, decoder: decoderGraph } = model.graphs;
  if ((model.architecture === "encoder-decoder") !== (encoderGraph !== undefined)) {
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: an encoder graph does not fit a model that is ${model.architecture}`,
    );
  }
  const decoder = await loadDecoder(resolveInside(directory, decoderGraph.file), runtime);
  const load = ({ file }: DeviceModel["graphs"]["decoder"], name: string): Promise<Session> =>
    runtime.load({ kind: "file", path: resolveInside(directory, file) }, { name });
  const encoder = encoderGraph === undefined ? undefined : await load(encoderGraph, "encoder");
  const images =
    model.vision === undefined || visionGraph === undefined
      ? undefined
      : new ImageEncoder(model.vision, await load(visionGraph, "vision"));
  const formats = new TextFormats(files, model.tokens.eos);
  const loop = await BatchLoop.open(runtime, { model, encoder, decoder }, options);
  const engine = new ServingEngine(model, { tokenizer, formats, loop, images, runtime });
  await warmUp(loop, model, images);
  return engine;
}

/** The first run of a graph is slow; nobody should wait for it. */
async function warmUp(
  loop: BatchLoop,
  { tokens }: DeviceModel,
  images: ImageEncoder | undefined,
): Promise<void> {
  const signal = new AbortController().signal;
  await loop.submit({
    source: [tokens.unknown],
    image: await images?.tokensOf(BLANK_IMAGE),
    maxTokens: 1,
    choose: () => tokens.eos,
    onToken: () => false,
    signal,
  });
}

/** The decoder with a position per row, which also picks the likeliest tokens. */
function loadDecoder(path: string, runtime: Runtime): Promise<Session> {
  return loadEdited(runtime, path, (graph) => withLikeliest(perRowDecoder(graph)), "decoder");
}
