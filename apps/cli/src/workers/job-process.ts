/** The program of a job process: what each kind of job does. A worker starts it by its path. */
import { serveJobs, type JobServer } from "@slm/workers";
import { cacheShardBody } from "./cache-shard-body.js";
import { labelBlockBody } from "./label-block-body.js";
import { JOB_KINDS } from "./job-kinds.js";

const server: JobServer = serveJobs({
  [JOB_KINDS.cacheShard]: cacheShardBody,
  [JOB_KINDS.labelBlock]: labelBlockBody,
});

export default server;
