/** Stage `data`: rows of a source, split into train, dev and test. */
import {
  dataConfig,
  firstReasons,
  IMAGE_FOLDER,
  namedFiles,
  prepareData,
  type DataConfig,
  type DataReport,
} from "@slm/data";
import { defineStage } from "../stage/stage.js";

/** How many records were rejected and why the first were; undefined if none was. */
function rejectedLine({
  rejected,
  rejectedCount,
}: Pick<DataReport, "rejected" | "rejectedCount">): string | undefined {
  return rejectedCount === 0
    ? undefined
    : `${rejectedCount} rejected: ${firstReasons(rejected, rejectedCount)}`;
}

/** Rows below which a share measured on them is too uncertain to compare models by. */
const FEW_ROWS = 50;

/** A warning about small splits, with what they can tell; undefined if none is small. */
export function smallSplitsLine({ dev, test }: Readonly<Record<"dev" | "test", number>>): string | undefined {
  const small = Object.entries({ dev, test }).filter(([, rows]) => rows > 0 && rows < FEW_ROWS);
  if (small.length === 0) return undefined;
  const most = Math.max(...small.map(([, rows]) => rows));
  const { low, high } = shareInterval(0.5, most);
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  return (
    `few rows to measure on: ${small.map(([split, rows]) => `${rows} ${split}`).join(", ")}; ` +
    `if half of ${most} answers are right, the 95 % interval is ${percent(low)} to ${percent(high)}. ` +
    "Name larger splits (data.dev, data.test) or raise data.devFraction and data.testFraction"
  );
}

/** 95 % confidence interval of a share that was measured on so many rows. Source: Wilson 1927, "Probable inference". */
function shareInterval(share: number, rows: number): { readonly low: number; readonly high: number } {
  const z = 1.96;
  const scale = 1 + z ** 2 / rows;
  const middle = (share + z ** 2 / (2 * rows)) / scale;
  const half = (z * Math.sqrt((share * (1 - share)) / rows + z ** 2 / (4 * rows ** 2))) / scale;
  return { low: middle - half, high: middle + half };
}

const STEP_MESSAGE = { read: "lines read", write: "rows written" } as const;

export const dataStage = defineStage<DataConfig>({
  name: "data",
  summary: "rows of a source, split into train, dev and test",
  section: dataConfig,
  kind: "data",
  revision: 1,
  // Names files as the recipe does, in which folder ever that lies.
  records: ["statistics.json"],
  inputs: [],
  files: namedFiles,
  indexed: [IMAGE_FOLDER],
  run: async ({ settings, work, seed, signal, progress }): Promise<DataReport> => {
    const report = await prepareData(settings, work, {
      seed,
      signal,
      progress: ({ step, done }) => {
        progress({ stage: "data", message: `${done} ${STEP_MESSAGE[step]}` });
      },
    });
    const rejected = rejectedLine(report);
    for (const message of [rejected, smallSplitsLine(report.splits)])
      if (message !== undefined) progress({ stage: "data", message, isNote: true });
    return report;
  },
});
