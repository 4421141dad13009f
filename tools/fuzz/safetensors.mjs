#!/usr/bin/env node
/**
 * Runs the fuzz test of imported model directories at full length.
 *
 *   node tools/fuzz/safetensors.mjs [cases] [seed]
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const [cases = "10000", seed = "1"] = process.argv.slice(2);
const root = fileURLToPath(new URL("../../packages/checkpoints/src/import", import.meta.url));
const { status } = spawnSync("npx", ["vitest", "run", "--root", root, "src/import.fuzz.test.ts"], {
  stdio: "inherit",
  env: { ...process.env, SLM_FUZZ_CASES: cases, SLM_FUZZ_SEED: seed },
});
process.exitCode = status ?? 1;
