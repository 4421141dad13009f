/**
 * Path of the compiled thread that reads requests. A plain worker thread cannot read TypeScript on every supported Node version, so a
 * program that runs from `src/` also uses the file in `dist/`. This file is directly in both folders, and in the published package's
 * `dist/`, so the same path is right in all three.
 */
export const REQUEST_WORKER = new URL("../dist/threads/request-worker.js", import.meta.url);
