/** Rows of data files, as the models of a run read them. */
export { readFeeds, readTokenPairs } from "./calibration-rows.js";
export { readEvaluationRows, readSlicedRows } from "./evaluation-rows.js";
export { HELD_OUT_SPLITS, heldOutFile, readHeldOutRows, type HeldOutSplit } from "./held-out-rows.js";
export { rememberRowSettings, rowSettingsFor } from "./row-settings.js";
export { shortlistOfRows } from "./shortlist-of-rows.js";
