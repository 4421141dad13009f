/** Divides rows among threads, each with a portable model of its own. Such a model answers rows one by one, so results do not depend on the threads. */
import { availableParallelism } from "node:os";
import type { ChunkAnswers, ChunkMaker, RowChunk } from "../evaluate/evaluation-input.js";
import { answerChunk, withRows, type ChunkInput } from "../evaluate/run-rows.js";
import type { Model } from "../generate/model.js";
import { AnswerThread } from "./answer-thread.js";

/** Threads start if the rest would take at least this long in one thread [ms]. A thread takes 0.27 s of CPU time until its first answer. */
const WORTH_MS = 1000;
/** Chunks in the calling thread before the rest is estimated: in the first one, code is still being compiled. */
const MEASURED = 2;
/** Chunks that a thread has at a time, so that it does not wait for the next one. */
const AHEAD = 2;

export interface AnswerThreadsOptions {
  /** An open portable model, which answers in the calling thread. */
  readonly model: Model;
  /** The module that it runs in. */
  readonly module: WebAssembly.Module;
  /** Threads that answer, with the calling one. Default: one for each processor. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** See {@link WORTH_MS}, the default. */
  readonly worthMs?: number | undefined;
}

/** Answers rows in the calling thread, and in others once they are worth their start. */
export function answerThreads({
  model,
  module,
  threads = availableParallelism(),
  signal,
  worthMs = WORTH_MS,
}: AnswerThreadsOptions): ChunkMaker {
  return {
    make: async ({ chunks, request, accept }) => {
      const input: ChunkInput = { ...request, generator: model, scorer: model, signal };
      const others: AnswerThread[] = [];
      const work = new SharedChunks(chunks, accept);
      const here = (chunk: RowChunk): Promise<ChunkAnswers> => answerChunk(chunk.rows, input);
      try {
        let leastMs = Infinity;
        for (let done = 0; done < MEASURED && work.left > 0; done++) {
          const start = performance.now();
          await work.answerNext(here);
          leastMs = Math.min(leastMs, performance.now() - start);
        }
        const count = work.left * leastMs < worthMs ? 0 : Math.min(threads - 1, work.left - 1);
        const data = { directory: model.directory, module, request };
        for (let thread = 0; thread < count; thread++) others.push(new AnswerThread(data));
        const elsewhere = others.flatMap((thread) =>
          Array.from({ length: AHEAD }, () => work.answerAll((chunk) => thread.answer(chunk))),
        );
        await Promise.all([work.answerAll(here), ...elsewhere]);
      } finally {
        work.stop();
        await Promise.all(others.map((thread) => thread.close()));
      }
    },
  };
}

type AnswersOf = (chunk: RowChunk) => Promise<ChunkAnswers>;

/** Chunks that several threads take from. */
class SharedChunks {
  readonly #chunks: readonly RowChunk[];
  readonly #accept: (number: number, answers: ChunkAnswers) => void;
  #next = 0;
  /** Rows before the next chunk. */
  #rows = 0;

  constructor(chunks: readonly RowChunk[], accept: (number: number, answers: ChunkAnswers) => void) {
    this.#chunks = chunks;
    this.#accept = accept;
  }

  get left(): number {
    return this.#chunks.length - this.#next;
  }

  /** Nobody gets a further chunk. */
  stop(): void {
    this.#next = this.#chunks.length;
  }

  async answerAll(answersOf: AnswersOf): Promise<void> {
    while (this.left > 0) await this.answerNext(answersOf);
  }

  /** @throws the error of the answers, with the range of rows added */
  async answerNext(answersOf: AnswersOf): Promise<void> {
    const chunk = this.#chunks[this.#next++]!;
    const first = this.#rows + 1;
    this.#rows += chunk.rows.length;
    const last = this.#rows;
    try {
      this.#accept(chunk.number, await answersOf(chunk));
    } catch (error) {
      throw withRows(error, first, last);
    }
  }
}
