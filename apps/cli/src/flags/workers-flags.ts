/** Flags of `slm worker`, and of the commands that can use workers. */
import { Flags } from "@oclif/core";

/** Address of the Redis server, required. */
export const redisFlag = Flags.string({
  required: true,
  env: "SLM_REDIS_URL",
  helpValue: "<redis://...>",
  summary: "Connect to this Redis server; rediss:// uses TLS. SLM_REDIS_PASSWORD contains the password.",
});

const storageSummary = "Exchange files through this directory, which all workers share.";

/** Environment variable for `--storage`. */
const STORAGE_VARIABLE = "SLM_WORKER_STORAGE";

export const storageFlag = Flags.string({
  helpValue: "<dir>",
  summary: storageSummary,
  env: STORAGE_VARIABLE,
});

const INSECURE =
  "Allow a Redis server on another machine without a password, or jobs without a signature (SLM_WORKER_KEY).";

/** For commands that require a Redis server. */
export const insecureFlag = Flags.boolean({ default: false, summary: INSECURE });

/** Flags of commands that can use workers on other machines. */
export const workersFlags = {
  workers: Flags.string({
    helpValue: "<redis://...>",
    summary:
      "Run on the workers connected to this Redis server ('slm worker --help' explains passwords and keys).",
    dependsOn: ["storage"],
    helpGroup: "WORKERS",
  }),
  storage: storageFlag,
  insecure: Flags.boolean({ default: false, summary: INSECURE, helpGroup: "WORKERS" }),
};
