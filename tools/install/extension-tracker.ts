/** An extension with a tracker that writes a line of a CSV file per run. */
import { appendFile } from "node:fs/promises";
import { defineExtension, type Tracker } from "@encdec/slm";

const csv: Tracker = {
  async record({ name, log, results }, { to }) {
    const steps = log.records.at(-1)?.step ?? 0;
    const figures = Object.entries(results).map(([key, value]) => `${key}=${value}`);
    await appendFile(to, `${[name, steps, ...figures].join(",")}\n`);
    return { file: to };
  },
};

export default defineExtension({ name: "csv-tracker", trackers: { csv } });
