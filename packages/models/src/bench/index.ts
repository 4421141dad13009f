/** Benchmarks models. */
export { failOnRegression, readEarlier, withRegression, writeJunit } from "./bench-outputs.js";
export { choosePrompts, promptsFromFile } from "./bench-prompts.js";
export { benchWithBaseline } from "./bench-setup.js";
export { makeBaseline } from "./make-baseline.js";
