/** Names of the kinds of jobs, as they stand in the queue. */
export const JOB_KINDS = {
  cacheShard: "cache-shard",
  labelBlock: "label-block",
  evaluationChunk: "evaluation-chunk",
  calibrationPart: "calibration-part",
  trial: "trial",
} as const;
