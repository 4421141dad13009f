/** The program of a job process: what each kind of job does. A worker starts it by its path. */
import { serveJobs, type JobServer } from "@slm/workers";
import { averageBody } from "./average-body.js";
import { cacheShardBody } from "./cache-shard-body.js";
import { calibrationPartBody } from "./calibration-part-body.js";
import { evaluationChunkBody } from "./evaluation-chunk-body.js";
import { labelBlockBody } from "./label-block-body.js";
import { JOB_KINDS } from "./job-kinds.js";
import { replicaBody } from "./replica-body.js";
import { trialBody } from "./trial-body.js";
import { writingRoundBody } from "./writing-round-body.js";

const server: JobServer = serveJobs({
  [JOB_KINDS.cacheShard]: cacheShardBody,
  [JOB_KINDS.labelBlock]: labelBlockBody,
  [JOB_KINDS.writingRound]: writingRoundBody,
  [JOB_KINDS.evaluationChunk]: evaluationChunkBody,
  [JOB_KINDS.calibrationPart]: calibrationPartBody,
  [JOB_KINDS.replica]: replicaBody,
  [JOB_KINDS.average]: averageBody,
  [JOB_KINDS.trial]: trialBody,
});

export default server;
