/** A thread that answers chunks of rows, as its owner sees it. */
import { Worker } from "node:worker_threads";
import { SlmError, REINSTALL } from "@slm/core";
import { fromWireError } from "@slm/runtime/host";
import type { ChunkAnswers, RowChunk } from "../evaluate/evaluation-input.js";
import { ANSWER_WORKER } from "../worker-file.js";
import type { AnswerReply, AnswerWorkerData } from "./answer-worker.js";

interface Waiting {
  readonly resolve: (answers: ChunkAnswers) => void;
  readonly reject: (error: Error) => void;
}

export class AnswerThread {
  readonly #worker: Worker;
  /** By the number of the chunk. */
  readonly #waiting = new Map<number, Waiting>();

  constructor(data: AnswerWorkerData) {
    // The compiled worker does not need this process's flags (loaders, conditions).
    this.#worker = new Worker(ANSWER_WORKER, { name: "slm-answers", execArgv: [], workerData: data });
    this.#worker.on("message", (reply: AnswerReply) => {
      const waiting = this.#waiting.get(reply.number);
      this.#waiting.delete(reply.number);
      if ("error" in reply) waiting?.reject(fromWireError(reply.error));
      else waiting?.resolve(reply.answers);
    });
    this.#worker.on("error", (cause) => {
      this.#fail(`a thread failed: ${cause.message}`, cause);
    });
    this.#worker.on("exit", (code) => {
      this.#fail(`a thread ended with code ${code}`);
    });
  }

  /** @throws SlmError as `answerChunk`; UNEXPECTED if the thread ends */
  answer(chunk: RowChunk): Promise<ChunkAnswers> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(chunk.number, { resolve, reject });
      this.#worker.postMessage(chunk);
    });
  }

  async close(): Promise<void> {
    this.#waiting.clear();
    await this.#worker.terminate();
  }

  #fail(problem: string, cause?: Error): void {
    const error = new SlmError("UNEXPECTED", `evaluate: ${problem}`, { cause, suggestions: [REINSTALL] });
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
