/** The program of a job process: what each kind of job does. A worker starts it by its path. */
import { serveJobs, type JobServer } from "@slm/workers";
import { cacheShardBody } from "./cache-shard-body.js";
import { calibrationPartBody } from "./calibration-part-body.js";
import { evaluationChunkBody } from "./evaluation-chunk-body.js";
import { labelBlockBody } from "./label-block-body.js";
import { JOB_KINDS } from "./job-kinds.js";
import { trialBody } from "./trial-body.js";
import { writingRoundBody } from "./writing-round-body.js";

const server: JobServer = serveJobs({
  [JOB_KINDS.cacheShard]: cacheShardBody,
  [JOB_KINDS.labelBlock]: labelBlockBody,
  [JOB_KINDS.writingRound]: writingRoundBody,
  [JOB_KINDS.evaluationChunk]: evaluationChunkBody,
  [JOB_KINDS.calibrationPart]: calibrationPartBody,
  [JOB_KINDS.trial]: trialBody,
});

export default server;
