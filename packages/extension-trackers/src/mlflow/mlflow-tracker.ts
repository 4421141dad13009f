/** Records runs on an MLflow tracking server: `slm report RUN --track mlflow=URL`. */
import type { Tracker } from "@slm/report";
import { exportRun } from "./export-run.js";
import { MlflowClient } from "./mlflow-client.js";

export const mlflow: Tracker = {
  record: async (run, { to: url, experiment, environment, signal }) => {
    const {
      MLFLOW_TRACKING_TOKEN: token,
      MLFLOW_TRACKING_USERNAME: name,
      MLFLOW_TRACKING_PASSWORD: password = "",
    } = environment;
    const user = name === undefined ? undefined : { name, password };
    return { ...(await exportRun(new MlflowClient({ url, token, user, signal }), experiment, run)) };
  },
};
