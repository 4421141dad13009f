/** Layout of the published package: entries, dependencies that cannot be bundled, and paths. */
import { join } from "node:path";

export const root = join(import.meta.dirname, "..", "..");
/** The published package as a folder. */
export const output = join(root, "dist-package");

/** Entries by their path in `dist/`. Workers and child processes are started by path, so they must keep their names. */
export const ENTRIES = {
  main: "apps/cli/src/main.ts",
  commands: "tools/package/commands.mjs",
  help: "apps/cli/src/help.ts",
  index: "packages/slm/src/index.ts",
  "runtime-node": "packages/runtime-node/src/index.ts",
  worker: "packages/runtime-node/src/worker.ts",
  "greedy-loop": "packages/generation/src/greedy-loop.ts",
  "threads/request-worker": "packages/serve/src/threads/request-worker.ts",
  "native-process": "packages/runtime-native/src/native-process.ts",
  "model-process": "packages/bench/src/models/model-process.ts",
  "job-process": "packages/slm/src/job-process.ts",
  "threads/answer-worker": "packages/inference/src/threads/answer-worker.ts",
  "weights/kernels/outputs-worker": "packages/quantization/src/weights/kernels/outputs-worker.ts",
};

/**
 * Groups of entries and of files loaded by `import()`, by the name of the chunk into which they and what they import are merged: what every
 * command loads, and what `slm generate` and `slm try` load to answer a prompt.
 */
export const MERGED = {
  start: [ENTRIES.main, ENTRIES.commands, "node_modules/wsl-utils/index.js"],
  answer: [
    "packages/slm/src/functions/generate.ts",
    "packages/inference/src/generate/open-portable.ts",
    "packages/c-export/src/module/portable.ts",
  ],
};

/** Declarations of the entry points, by their name in `dist/`. */
export const TYPED_ENTRIES = {
  index: "packages/slm/dist/index.d.ts",
  browser: "apps/web/dist/types/browser/index.d.ts",
};

/**
 * Packages that must be installed as dependencies, and why.
 * The versions are those of the workspaces' package.json files.
 */
export const DEPENDENCIES = {
  bullmq: "starts processes from its own folder",
  ioredis: "bullmq loads it by name",
  jiti: "loads its compiler from its own folder",
  koffi: "native libraries",
  "onnxruntime-node": "native libraries",
  sharp: "native libraries",
  zod: "used in the library's types and in schemas of dataset modules",
};

/** Dependencies of users' code, of which our own code has a bundled copy. */
export const BUNDLED_TOO = ["zod"];

/** Imported only if the user has installed them: libtensorflow, and TypeScript, which oclif loads in a folder with a tsconfig.json. */
export const OPTIONAL = ["@tensorflow/tfjs-node", "typescript"];
