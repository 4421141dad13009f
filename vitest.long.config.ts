import { configDefaults, defineConfig } from "vitest/config";
import config, { LONG_TESTS } from "./vitest.config.js";

/** The long tests, as all others are run. */
export default defineConfig({
  ...config,
  test: { ...config.test, include: [LONG_TESTS], exclude: configDefaults.exclude },
});
