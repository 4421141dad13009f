/** The combined status of workers, runs and the queue. */
import { Queue } from "bullmq";
import { PREFIX, QUEUE } from "./messages.js";
import { requireRedis, type RedisAddress } from "./redis-address.js";
import { RunBoard, type RunLine, type WorkerLine } from "./run-board.js";

export interface WorkersStatus {
  readonly workers: readonly WorkerLine[];
  readonly runs: readonly RunLine[];
  /** Jobs by state: waiting, active, delayed, completed, failed, ... */
  readonly jobs: Readonly<Record<string, number>>;
}

/** @throws SlmError DEVICE_UNAVAILABLE if Redis does not answer */
export async function readStatus(address: RedisAddress): Promise<WorkersStatus> {
  await requireRedis(address);
  const queue = new Queue(QUEUE, { connection: address.options, prefix: PREFIX });
  queue.on("error", () => undefined);
  const board = new RunBoard(address);
  try {
    const [workers, runs, jobs] = await Promise.all([board.workers(), board.runs(), queue.getJobCounts()]);
    return { workers, runs, jobs };
  } finally {
    board.close();
    await queue.close();
  }
}
