/** Experiment trackers. */
import { defineExtension, type Extension } from "@slm/extensions";
import { mlflow } from "./mlflow/mlflow-tracker.js";

const extension: Extension = defineExtension({ name: "slm-trackers", trackers: { mlflow } });
export default extension;
