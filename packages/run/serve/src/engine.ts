/** A bundle that is loaded and answers texts, many at once. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDeviceModel, resolveInside, type DeviceModel } from "@slm/artifact";
import {
  checkRules,
  createRandom,
  createTokenChooser,
  type SamplingOptions,
  type TokenConstraint,
  type TokenRules,
} from "@slm/decoding";
import { SlmError } from "@slm/error";
import { StopText, TextStream } from "@slm/generate";
import { readOnnx, writeOnnx } from "@slm/graph";
import type { Runtime, Session } from "@slm/runtime";
import { createTokenizer, readTokenizerFiles, type Tokenizer } from "@slm/tokenizer";
import { BatchLoop, type LoopObserver, type LoopOptions } from "./batching/batch-loop.js";
import { hasRowPositions, perRowDecoder } from "./batching/per-row-decoder.js";
import { TextFormats, type TextFormat } from "./text-formats.js";

export interface TextRequest {
  readonly source: string;
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
  readonly runtime: Runtime;
}

export class ServingEngine {
  readonly model: DeviceModel;
  /** When it was loaded [s since 1970]. */
  readonly loadedAt = Math.floor(Date.now() / 1000);
  readonly loop: BatchLoop;
  readonly #tokenizer: Tokenizer;
  readonly #formats: TextFormats;
  readonly #runtime: Runtime;

  constructor(model: DeviceModel, parts: EngineParts) {
    this.model = model;
    this.loop = parts.loop;
    this.#tokenizer = parts.tokenizer;
    this.#formats = parts.formats;
    this.#runtime = parts.runtime;
  }

  /**
   * Checks a request against what the model reads and can say.
   *
   * @throws SlmError DATA_INVALID for a source that is empty, too long or holds an unknown symbol; USAGE for a number of
   * tokens that does not fit.
   */
  prepare(request: TextRequest): PreparedText {
    const { maxSource, maxTarget, architecture } = this.model;
    const source = this.#tokenizer.encodeSource(request.source);
    if (source.length > maxSource) {
      throw new SlmError(
        "DATA_INVALID",
        `the source has ${source.length} tokens, the model reads at most ${maxSource}`,
        {
          context: { tokens: source.length, maxSource },
        },
      );
    }
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
    const result = await this.loop.submit({
      source,
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
    const counted = { sourceTokens: source.length, tokens: result.tokens };
    return { text, reason, ...counted, waitedMs, firstTokenMs, totalMs };
  }

  #chooser(
    { sampling, rules }: TextRequest,
    { source, constraint }: CheckedText,
  ): (logits: Float32Array) => number {
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
  const { encoder: encoderGraph, decoder: decoderGraph } = model.graphs;
  if ((model.architecture === "encoder-decoder") !== (encoderGraph !== undefined)) {
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: an encoder graph does not fit a model that is ${model.architecture}`,
    );
  }
  const decoder = await loadDecoder(resolveInside(directory, decoderGraph.file), runtime);
  const encoder =
    encoderGraph === undefined
      ? undefined
      : await runtime.load(
          { kind: "file", path: resolveInside(directory, encoderGraph.file) },
          { name: "encoder" },
        );
  const formats = new TextFormats(files, model.tokens.eos);
  const loop = await BatchLoop.open(runtime, { model, encoder, decoder }, options);
  const engine = new ServingEngine(model, { tokenizer, formats, loop, runtime });
  await warmUp(loop, model);
  return engine;
}

/** The first run of a graph is slow; nobody should wait for it. */
async function warmUp(loop: BatchLoop, { tokens }: DeviceModel): Promise<void> {
  const signal = new AbortController().signal;
  await loop.submit({
    source: [tokens.unknown],
    maxTokens: 1,
    choose: () => tokens.eos,
    onToken: () => false,
    signal,
  });
}

/** The decoder with a position per row; its file is rewritten in a place of its own that is gone afterwards. */
async function loadDecoder(path: string, runtime: Runtime): Promise<Session> {
  const graph = await readOnnx(path);
  if (hasRowPositions(graph)) return runtime.load({ kind: "file", path }, { name: "decoder" });
  const place = await mkdtemp(join(tmpdir(), "slm-serve-"));
  try {
    const rewritten = join(place, "decoder.onnx");
    await writeOnnx(perRowDecoder(graph), rewritten, { externalData: { file: "decoder.onnx.data" } });
    return await runtime.load({ kind: "file", path: rewritten }, { name: "decoder" });
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}
