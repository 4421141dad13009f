/**
 * The table of metrics for a model's answers: one row per metric. `--metrics` and gates use the name of a row.
 *
 * Each metric implements the public definition in its `source`; the numbers in `fixtures` come from the programs named there. The command line
 * loads this table to print values, so metrics import only the light entries of `@slm/core`.
 */
import { bleu } from "./scores/bleu.js";
import { accuracy, macroF1, weightedF1 } from "./scores/classes.js";
import { chrf, chrfPlusPlus } from "./scores/chrf.js";
import type { Metric } from "./scores/define-metric.js";
import { intentAccuracy, jsonExactMatch } from "./scores/json-metrics.js";
import { rouge1, rouge2, rougeL, rougeLsum } from "./scores/rouge.js";
import { slotF1 } from "./scores/slot-f1.js";
import { squadExactMatch, squadF1 } from "./scores/squad.js";
import { answerMatch, cer, exactMatch, per, wer, transcriptWer } from "./scores/token-metrics.js";

export const METRIC_TABLE = {
  wer,
  per,
  exactMatch,
  answerMatch,
  cer,
  transcriptWer,
  accuracy,
  macroF1,
  weightedF1,
  squadExactMatch,
  squadF1,
  rouge1,
  rouge2,
  rougeL,
  rougeLsum,
  bleu,
  chrf,
  chrfPlusPlus,
  jsonExactMatch,
  slotF1,
  intentAccuracy,
} as const satisfies Record<string, Metric>;

/** Name of a metric. `isMetricName` checks it. Names of extensions have this type too. */
export type MetricName = keyof typeof METRIC_TABLE;
