/** Benchmarks models. */
export { choosePrompts, promptsFromFile } from "./bench-prompts.js";
export { benchWithBaseline } from "./bench-setup.js";
export { makeBaseline } from "./make-baseline.js";
