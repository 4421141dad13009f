/** Names of all stages, in execution order. They are apart from the stages, whose libraries take a second to load. */
export const STAGE_NAMES: readonly string[] = [
  "data",
  "tokenizer",
  "teacher",
  "cache",
  "distill",
  "export",
  "quantize",
  "compile",
  "bench",
  "deploy",
];
