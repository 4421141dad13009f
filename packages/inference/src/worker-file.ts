/**
 * Path of the compiled thread that answers rows. Worker threads cannot load TypeScript on every supported Node version, so code that runs from `src/`
 * also uses the worker in `dist/`. This file is directly in `src/`, in `dist/` and in the published package's `dist/`, so the same relative path
 * works from all three.
 */
export const ANSWER_WORKER = new URL("../dist/threads/answer-worker.js", import.meta.url);
