/** A thread that quantizes ranges of outputs; jobs come with memory that both sides see. */
import { parentPort } from "node:worker_threads";
import { quantizeOutputs, type OutputsJob } from "./quantize-outputs.js";

/** What the thread is sent; it answers with null when the range is done. */
export interface RangeMessage {
  readonly job: OutputsJob;
  readonly from: number;
  readonly to: number;
}

parentPort?.on("message", ({ job, from, to }: RangeMessage) => {
  quantizeOutputs(job, from, to);
  parentPort?.postMessage(null);
});
