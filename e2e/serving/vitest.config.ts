import { mergeConfig } from "vitest/config";
import { base } from "../../vitest.config.js";

/** Tests against a registry, a browser and OpenAI's client; `npm run e2e:serving` installs what they need. */
export default mergeConfig(base, {
  test: { root: import.meta.dirname, include: ["*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 },
});
