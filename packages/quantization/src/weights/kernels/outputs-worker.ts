/** A thread that quantizes ranges of outputs in shared memory. */
import { parentPort } from "node:worker_threads";
import { quantizeOutputs, type OutputsJob } from "./quantize-outputs.js";

/** A message to the thread, which replies with null when the range is done. */
export interface RangeMessage {
  readonly job: OutputsJob;
  readonly from: number;
  readonly to: number;
}

parentPort?.on("message", ({ job, from, to }: RangeMessage) => {
  quantizeOutputs(job, from, to);
  parentPort?.postMessage(null);
});
