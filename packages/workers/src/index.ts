export { openStore } from "./storage/open-store.js";
export type { ObjectStore } from "./storage/object-store.js";
export { fileRef, type FileRef, SharedFiles } from "./storage/shared-files.js";
export { redisAddress, requireRedis, REDIS_URL_VARIABLE, type RedisAddress } from "./queue/redis-address.js";
export { runWorker, type WorkerOptions, type WorkerReport } from "./queue/run-worker.js";
export { serveJobs, type JobBody, type JobRequest, type JobServer } from "./queue/job-body.js";
export {
  failureError,
  JobRunner,
  type FailedJob,
  type JobSpec,
  type RunOptions,
  type RunProgress,
} from "./queue/job-runner.js";
export { forgetBudget, SharedRequestLimits } from "./queue/shared-limits.js";
export { readStatus, type WorkersStatus } from "./queue/status.js";
export type { JobResult } from "./queue/messages.js";
export type { WorkerShare } from "./queue/worker-shares.js";
