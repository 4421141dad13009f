import { Flags } from "@oclif/core";

/** Redis's address, for commands that need one. */
export const redisFlag = Flags.string({
  required: true,
  env: "SLM_REDIS_URL",
  helpValue: "<redis://...>",
  summary: "Address of Redis; rediss:// with TLS. The password is read from SLM_REDIS_PASSWORD.",
});
