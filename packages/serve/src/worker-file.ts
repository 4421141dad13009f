/**
 * The compiled thread that reads requests. A plain worker thread cannot read TypeScript on every supported Node, so a program that
 * runs from `src/` uses the one in `dist/` too. This file stands directly under both folders, and in the published package's
 * `dist/`: the same path is right from all three.
 */
export const REQUEST_WORKER = new URL("../dist/threads/request-worker.js", import.meta.url);
