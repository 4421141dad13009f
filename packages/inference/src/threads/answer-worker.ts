/** Entry of a thread that answers and scores chunks of rows with a portable model of its own. */
import { parentPort, workerData } from "node:worker_threads";
import { SlmError } from "@slm/core";
import { toWireError, type WireError } from "@slm/runtime/host";
import type { ChunkAnswers, ChunkRequest, RowChunk } from "../evaluate/evaluation-input.js";
import { answerChunk } from "../evaluate/run-rows.js";
import { openPortableModel } from "../generate/open-portable.js";

/** `workerData` of the thread. */
export interface AnswerWorkerData {
  readonly directory: string;
  /** The module with the kernels. Threads share its compiled code. */
  readonly module: WebAssembly.Module;
  readonly request: ChunkRequest;
}

/** The results of a chunk, or why there are none. */
export type AnswerReply =
  | { readonly number: number; readonly answers: ChunkAnswers }
  | { readonly number: number; readonly error: WireError };

if (parentPort === null)
  throw new SlmError("UNEXPECTED", "evaluate: answer-worker.js must be started as a worker thread");
const port = parentPort;
const { directory, module, request } = workerData as AnswerWorkerData;
const opened = openPortableModel(directory, { module });

async function answer({ number, rows }: RowChunk): Promise<AnswerReply> {
  try {
    const model = await opened;
    return { number, answers: await answerChunk(rows, { ...request, generator: model, scorer: model }) };
  } catch (error) {
    return { number, error: toWireError("inference", error) };
  }
}

let last = Promise.resolve();
port.on("message", (chunk: RowChunk) => {
  // One after the other, so that one arena is enough.
  last = last.then(async () => {
    port.postMessage(await answer(chunk));
  });
});
