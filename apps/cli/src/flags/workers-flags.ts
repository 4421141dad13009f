/** Flags of workers and of the commands that they help. */
import { Flags } from "@oclif/core";

/** Redis's address, for commands that need one. */
export const redisFlag = Flags.string({
  required: true,
  env: "SLM_REDIS_URL",
  helpValue: "<redis://...>",
  summary: "Address of Redis; rediss:// with TLS. The password is read from SLM_REDIS_PASSWORD.",
});

const storageSummary = "Directory or s3://bucket/prefix that all workers share.";

/** Variable for the flag of that name. */
const STORAGE_VARIABLE = "SLM_WORKER_STORAGE";

export const storageFlag = Flags.string({
  helpValue: "<dir|s3://...>",
  summary: storageSummary,
  env: STORAGE_VARIABLE,
});

const INSECURE =
  "Use a Redis of another machine without a password, or without SLM_WORKER_KEY that signs jobs.";

/** For commands that need a Redis. */
export const insecureFlag = Flags.boolean({ default: false, summary: INSECURE });

/** Flags of commands whose work other machines may do. */
export const workersFlags = {
  workers: Flags.string({
    helpValue: "<redis://...>",
    summary:
      "Run on the workers connected to this Redis ('slm worker'); the password is read from SLM_REDIS_PASSWORD, the key of jobs from SLM_WORKER_KEY.",
    dependsOn: ["storage"],
    helpGroup: "WORKERS",
  }),
  storage: storageFlag,
  insecure: Flags.boolean({ default: false, summary: INSECURE, helpGroup: "WORKERS" }),
};
