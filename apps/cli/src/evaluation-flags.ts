/** Flags of commands that answer every row of a file and measure the answers. */
import { Flags } from "@oclif/core";

export const evaluationFlags = {
  data: Flags.string({ required: true, helpValue: "<file>", summary: "JSONL file of rows." }),
  metrics: Flags.string({
    required: true,
    helpValue: "<names>",
    summary: "Metrics, with commas between, such as exactMatch; rows are scored by the first one.",
  }),
  beams: Flags.integer({
    min: 1,
    helpValue: "<n>",
    summary: "Answer by beam search with n beams. Default: greedy.",
  }),
  limit: Flags.integer({ min: 1, helpValue: "<rows>", summary: "Take the first rows only." }),
  output: Flags.string({
    char: "o",
    default: "predictions.jsonl",
    helpValue: "<file>",
    summary: "Where to write the predictions, one line of JSON per row.",
  }),
};
