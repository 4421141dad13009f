import { mergeConfig } from "vite";
import base from "../vitest.base.mjs";

/** Tests that join packages which may not import one another. */
export default mergeConfig(base, { test: { root: import.meta.dirname, include: ["*.test.ts"] } });
