/** Flags of commands that run a model on every row of a file and compute metrics. */
import { Flags } from "@oclif/core";
import { rowsFlag } from "./rows-flag.js";

export const evaluationFlags = {
  data: Flags.string({
    required: true,
    helpValue: "<file>",
    summary: "Read rows from this file, in any format.",
  }),
  metrics: Flags.string({
    required: true,
    helpValue: "<names>",
    summary: "Compute these comma-separated metrics, such as exactMatch; the first one scores rows.",
  }),
  beams: Flags.integer({
    min: 1,
    helpValue: "<n>",
    summary: "Search with n beams. Default: greedy decoding.",
  }),
  limit: Flags.integer({
    min: 1,
    helpValue: "<rows>",
    summary: "Use only this many rows, from the start of the file. Default: all.",
  }),
  set: rowsFlag,
  output: Flags.string({
    char: "o",
    helpValue: "<file>",
    summary:
      "Write predictions to this file, one JSON line per row. Default: predictions.jsonl, replacing an earlier one.",
  }),
};
