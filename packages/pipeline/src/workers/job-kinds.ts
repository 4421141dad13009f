/** Names of the kinds of jobs in the queue. */
export const JOB_KINDS = {
  cacheShard: "cache-shard",
  labelBlock: "label-block",
} as const;
