/** A loaded model that answers many requests concurrently. */
import type { DeviceModel } from "@slm/exported-model";
import { checkRules, createRandom, createTokenSelector, isRuling, type TokenRules } from "@slm/generation";
import { SlmError } from "@slm/core";
import {
  BLANK_IMAGE,
  StopText,
  TextStream,
  judge,
  thresholdFor,
  type ModelDescription,
  type ModelGraphs,
  mergedRules,
} from "@slm/inference";
import type { HostTensor } from "@slm/runtime";
import type { AnswerOpening } from "@slm/tokenizer";
import type { BatchLoop } from "../batching/batch-loop.js";
import type { ReadRequest } from "../requests/read-request.js";
import type { RequestForm, RequestLimits } from "../requests/request-forms.js";
import { RequestThreads } from "../threads/request-threads.js";
import type { ThreadConstraint } from "../threads/thread-constraint.js";
import { LogprobRecorder } from "../requests/token-logprobs.js";
import type { TextAnswer, TextRequest } from "./text-request.js";

export interface BatchedModelOptions {
  /** Confidence threshold, or off. Default: the model's threshold, if it has one. */
  readonly abstain?: number | "off" | undefined;
  readonly limits: RequestLimits;
}

/** A model that was loaded for serving. */
export interface ServedModel extends ModelDescription {
  readonly images: ModelGraphs["images"];
  /** Closes it, and the runtime that it owns. */
  readonly close: () => Promise<void>;
}

/** A checked request, not yet queued. */
export interface PreparedText {
  readonly run: () => Promise<TextAnswer>;
}

interface CheckedText {
  readonly maxTokens: number;
  readonly constraint: ThreadConstraint | undefined;
}

export class BatchedModel {
  /** Load time [s since 1970]. */
  readonly loadedAt = Math.floor(Date.now() / 1000);
  readonly loop: BatchLoop;
  readonly #loaded: ServedModel;
  readonly #threads: RequestThreads;
  /** Answers with a lower confidence are withheld; undefined: none are. */
  readonly #threshold: number | undefined;
  /** Number of requests whose images are being read, which are not queued yet. */
  #seeing = 0;
  /** Unfinished work of {@link hold}. */
  readonly #tracked = new Set<Promise<unknown>>();

  constructor(loaded: ServedModel, loop: BatchLoop, { abstain, limits }: BatchedModelOptions) {
    this.loop = loop;
    this.#threshold = thresholdFor(abstain, loaded.model);
    this.#loaded = loaded;
    const { model, tokenizerFiles } = loaded;
    this.#threads = new RequestThreads({ model, tokenizerFiles, limits });
  }

  get model(): DeviceModel {
    return this.#loaded.model;
  }

  /** Whether `count` more requests would be accepted now. Requests whose images are being read count as queued. */
  hasRoom(count: number): boolean {
    return this.loop.hasRoom(this.#seeing + count);
  }

  /** Warms up: the first run of a graph and the start of a thread are slow. */
  async start(): Promise<void> {
    try {
      await Promise.all([this.#threads.start(), warmUp(this.loop, this.#loaded)]);
    } catch (error) {
      await this.#threads.close();
      throw error;
    }
  }

  /** Runs some work with this model, which stays open until the work has ended. */
  async track<Result>(work: (served: this) => Promise<Result>): Promise<Result> {
    const result = work(this);
    const end = result.catch(() => undefined).finally(() => this.#tracked.delete(end));
    this.#tracked.add(end);
    return result;
  }

  /** Resolves when all tracked work has ended and nothing is queued or running. */
  async idle(): Promise<void> {
    while (this.#tracked.size > 0) await Promise.all(this.#tracked);
    await this.loop.idle();
  }

  /**
   * Reads the body of a request in a thread.
   *
   * @throws SlmError as `requestReader`; BUSY if too many requests wait to be read; the signal's reason
   */
  read(form: RequestForm, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<ReadRequest> {
    return this.#threads.read(form, body, signal);
  }

  /** The rules of the model, combined with those of a request. @throws SlmError USAGE for a rule that does not fit the vocabulary */
  rulesOf(asked: TokenRules | undefined, opening: AnswerOpening = {}): TokenRules {
    const { forcedFirst } = opening;
    const rules = mergedRules(this.#loaded.generation.rules, { ...asked, forcedFirst });
    checkRules(rules, this.model.vocabularySize);
    return rules;
  }

  /**
   * Checks a request against the model's limits.
   *
   * @throws SlmError USAGE for a number of tokens that does not fit; DATA_INVALID, OP_UNSUPPORTED for a format that is not supported.
   * Running it throws DATA_INVALID for an image that cannot be read.
   */
  async prepare(request: TextRequest): Promise<PreparedText> {
    const { maxTarget, architecture } = this.model;
    const { generation } = this.#loaded;
    const { source, format = { kind: "text" }, signal } = request;
    const room = maxTarget - (architecture === "decoder-only" ? source.length : 0);
    const longest =
      request.maxTokens ?? (architecture === "encoder-decoder" ? generation.maxTokens : undefined);
    const maxTokens = Math.min(longest ?? room, room);
    if (maxTokens < 1)
      throw new SlmError("USAGE", `a source of ${source.length} tokens leaves no room for an answer`);
    const constraint = format.kind === "text" ? undefined : await this.#threads.constraintOf(format, signal);
    return { run: () => this.#run(request, { maxTokens, constraint }) };
  }

  /** Closes after the answers in progress. */
  async close(): Promise<void> {
    await this.idle();
    await this.#threads.close();
    await this.loop.close();
    await this.#loaded.close();
  }

  async #run(request: TextRequest, checked: CheckedText): Promise<TextAnswer> {
    const { maxTokens, constraint } = checked;
    const { source, start, stop = [], signal } = request;
    // Whether an answer is withheld is known only at its end, so nothing is streamed before.
    const onText = this.#threshold === undefined ? request.onText : undefined;
    const tokens: number[] = [];
    let text = "";
    const cut = new StopText(stop, (piece) => {
      text += piece;
      onText?.(piece);
    });
    const decode = (ids: readonly number[]): string => this.#loaded.tokenizer.decode(ids);
    // Without streaming, the text is decoded once, at the end.
    const isWhole = onText === undefined && stop.length === 0;
    const stream = new TextStream(decode, 0, (_row, piece) => {
      cut.push(piece);
    });
    const seen = await this.#encodeImages(request);
    const recorder = request.logprobs === undefined ? undefined : new LogprobRecorder(request.logprobs);
    const selector = this.#selector(request, checked);
    const submitted = this.loop.submit({
      source,
      image: seen?.tokens,
      start,
      maxTokens,
      ends: this.#loaded.generation.rules.furtherEnds,
      choose: recorder === undefined ? selector : recorder.choosing(selector),
      pending: constraint && (() => constraint.pending),
      onToken: (token) => {
        tokens.push(token);
        if (!isWhole) stream.push(token);
        return !cut.isStopped;
      },
      signal,
    });
    const result = await submitted.finally(() => constraint?.close());
    if (isWhole) text = decode(tokens);
    else {
      stream.end();
      cut.end();
    }
    const { reason, logProbability, waitedMs, firstTokenMs, totalMs } = result;
    const { confidence, abstained } = judge({ logProbability }, this.#threshold);
    if (onText === undefined && !abstained && text !== "") request.onText?.(text);
    const imageMs = seen?.imageMs;
    return {
      text: abstained ? "" : text,
      logProbability,
      confidence,
      abstained,
      reason,
      sourceTokens: (this.model.vision?.tokens ?? 0) + source.length,
      tokens: result.tokens,
      waitedMs,
      imageMs,
      firstTokenMs: (imageMs ?? 0) + firstTokenMs,
      totalMs: (imageMs ?? 0) + totalMs,
      logprobs: abstained ? undefined : await recorder?.texts(tokens.length, decode),
    };
  }

  /** Tokens of the request's image; undefined for a model that reads text only. */
  async #encodeImages({
    image,
    signal,
  }: TextRequest): Promise<{ readonly tokens: HostTensor; readonly imageMs: number } | undefined> {
    const { images } = this.#loaded;
    if (image === undefined || images === undefined) return undefined;
    const began = performance.now();
    this.#seeing++;
    try {
      const tokens = await images.tokensOf(this.#threads.imageOf(image, signal));
      signal.throwIfAborted();
      return { tokens, imageMs: performance.now() - began };
    } finally {
      this.#seeing--;
    }
  }

  /** Undefined for plain greedy decoding. */
  #selector(
    { source, start, sampling, rules }: TextRequest,
    { maxTokens, constraint }: CheckedText,
  ): ((logits: Float32Array) => number) | undefined {
    if (sampling === undefined && constraint === undefined && !isRuling(rules)) return undefined;
    const { tokens, architecture } = this.model;
    return createTokenSelector({
      eos: tokens.eos,
      maxTokens,
      before: [...(architecture === "decoder-only" ? source : []), start ?? tokens.bos],
      sampling: sampling && { ...sampling, random: createRandom(sampling.seed).next },
      rules,
      constraint,
      source,
    });
  }
}

async function warmUp(loop: BatchLoop, { model: { tokens }, images }: ServedModel): Promise<void> {
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
