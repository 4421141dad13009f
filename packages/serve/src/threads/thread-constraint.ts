/** A constraint on an answer's tokens whose states a thread computes while the decoder takes its next step. */
import { SlmError } from "@slm/core";
import type { TokenConstraint } from "@slm/generation";
import type { RestrictingFormat } from "../requests/text-formats.js";
import type { ThreadCalls, TokenSet } from "./thread-calls.js";

/** The thread's interface for one answer. */
export interface FormatThread {
  readonly allowed: (
    call: Parameters<ThreadCalls["allowed"]>[0],
  ) => Promise<ReturnType<ThreadCalls["allowed"]>>;
  readonly forget: (answer: number) => Promise<void>;
}

let lastAnswer = 0;

/**
 * The state of one answer. Unlike other constraints it is mutable: `after` returns the same object, whose tokens are unknown until
 * {@link pending} resolves.
 */
export class ThreadConstraint implements TokenConstraint {
  readonly #thread: FormatThread;
  readonly #format: RestrictingFormat;
  readonly #answer = ++lastAnswer;
  readonly #ids: number[] = [];
  #set: TokenSet | undefined;
  #failure: Error | undefined;
  #pending: Promise<void> | undefined;

  private constructor(thread: FormatThread, format: RestrictingFormat) {
    this.#thread = thread;
    this.#format = format;
  }

  /** @throws SlmError the errors of the thread for the format */
  static async open(
    thread: FormatThread,
    format: RestrictingFormat,
    signal: AbortSignal,
  ): Promise<ThreadConstraint> {
    const constraint = new ThreadConstraint(thread, format);
    constraint.#set = await constraint.#request();
    signal.addEventListener("abort", () => {
      constraint.close();
    });
    return constraint;
  }

  /** Resolves when {@link allows} and {@link mask} may be called; undefined if they may be called now. */
  get pending(): Promise<void> | undefined {
    return this.#pending;
  }

  allows(id: number): boolean {
    return holds(this.#known(), id);
  }

  mask(scores: Float32Array): void {
    const set = this.#known();
    for (let id = 0; id < scores.length; id++) if (!holds(set, id)) scores[id] = -Infinity;
  }

  #known(): TokenSet {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#set !== undefined) return this.#set;
    throw new SlmError("UNEXPECTED", "serve: the tokens of a format are not known yet");
  }

  after(id: number): this {
    this.#ids.push(id);
    this.#set = undefined;
    this.#pending = this.#request()
      .then(
        (set) => {
          this.#set = set;
        },
        (error: unknown) => {
          this.#failure = error instanceof Error ? error : new Error(String(error));
        },
      )
      .finally(() => {
        this.#pending = undefined;
      });
    return this;
  }

  /** Tells the thread that the answer has ended. */
  close(): void {
    this.#thread.forget(this.#answer).catch(() => undefined); // A thread that has ended has forgotten its answers.
  }

  async #request(): Promise<TokenSet> {
    const call = { answer: this.#answer, ids: this.#ids };
    const set = await this.#thread.allowed({
      ...call,
      format: this.#ids.length === 0 ? this.#format : undefined,
    });
    const known = set ?? (await this.#thread.allowed({ ...call, format: this.#format }));
    if (known !== undefined) return known;
    throw new SlmError("UNEXPECTED", "serve: the thread for formats lost an answer");
  }
}

/** Whether a bit set with 32 ids per word contains an id. */
const holds = (set: TokenSet, id: number): boolean => (((set[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
