/** JavaScript hosts, and how each runs the npm package of a model. */
import { setting } from "../command-line.js";
import { answersInExtension, answersInServiceWorker } from "./chromium.js";
import type { AnswersIn } from "./installed-package.js";
import { answersOfProgram } from "./program.js";
import { answersInWorkerd } from "./workerd.js";

export const HOSTS: Readonly<Record<string, AnswersIn>> = {
  "Node.js": answersOfProgram(() => [process.execPath]),
  Deno: answersOfProgram(() => [setting("SLM_TEST_DENO"), "run", "--allow-read=node_modules"]),
  Bun: answersOfProgram(() => [setting("SLM_TEST_BUN")]),
  "workerd, which runs Cloudflare Workers,": answersInWorkerd,
  "a page's service worker in Chromium": answersInServiceWorker,
  "an extension's service worker in Chromium": answersInExtension,
};
