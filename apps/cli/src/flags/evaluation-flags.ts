/** Flags of commands that run a model on every row of a file and compute metrics. */
import { Flags } from "@oclif/core";
import { rowsFlag } from "./rows-flag.js";

export const evaluationFlags = {
  data: Flags.string({ required: true, helpValue: "<file>", summary: "File of rows, in any format." }),
  beams: Flags.integer({
    min: 1,
    helpValue: "<n>",
    summary: "Beam search with n beams. Default: greedy.",
  }),
  limit: Flags.integer({ min: 1, helpValue: "<rows>", summary: "Use the first rows only." }),
  set: rowsFlag,
  output: Flags.string({
    char: "o",
    helpValue: "<file>",
    summary:
      "File for the predictions, one line of JSON per row. Default: predictions.jsonl, which is replaced if an earlier call wrote it.",
  }),
};
