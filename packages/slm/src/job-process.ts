/** The program of a job process, with the body of each kind of job. A worker starts it by its path. */
import { serveJobs, type JobServer } from "@slm/extension-workers";
import { cacheShardBody } from "./workers/cache-shard-body.js";
import { labelBlockBody } from "./workers/label-block-body.js";
import { JOB_KINDS } from "@slm/pipeline/workers/job-kinds";

const server: JobServer = serveJobs({
  [JOB_KINDS.cacheShard]: cacheShardBody,
  [JOB_KINDS.labelBlock]: labelBlockBody,
});

export default server;
