import { readFile } from "node:fs/promises";
import { lineChart, reportPage, type LineSeries } from "@slm/report";

/** Lines of the metrics log that carry a value, as points (step, value). */
function series(
  records: readonly Readonly<Record<string, unknown>>[],
  key: string,
  name: string,
  scale = 1,
): LineSeries {
  const points = records.flatMap((record): [number, number][] => {
    const value = record[key];
    return typeof value === "number" && typeof record["step"] === "number"
      ? [[record["step"], value * scale]]
      : [];
  });
  return { name, points };
}

/** A self-contained page with the run's curves, from its metrics log. */
export async function distillReport(metricsFile: string): Promise<string> {
  const lines = (await readFile(metricsFile, "utf8")).split("\n").filter((line) => line !== "");
  const records = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  const chart = async (
    heading: string,
    yLabel: string,
    curves: readonly LineSeries[],
  ): Promise<{ heading: string; svg: string }[]> => {
    const drawn = curves.filter(({ points }) => points.length > 0);
    return drawn.length === 0
      ? []
      : [{ heading, svg: await lineChart({ title: heading, xLabel: "step", yLabel, series: drawn }) }];
  };
  return reportPage({
    title: "Distillation",
    subtitle: "Loss, dev metrics, learning rate and throughput of one run.",
    sections: [
      ...(await chart("Loss", "nats per token", [
        series(records, "loss", "weighted loss"),
        series(records, "forwardKl", "forward KL"),
        series(records, "crossEntropy", "cross-entropy"),
      ])),
      ...(await chart("Error on the dev split", "%", [
        series(records, "dev.wordError", "word error", 100),
        series(records, "dev.phonemeError", "phoneme error", 100),
      ])),
      ...(await chart("Learning rate", "learning rate", [series(records, "learningRate", "learning rate")])),
      ...(await chart("Throughput", "tokens per second", [
        series(records, "tokensPerSecond", "tokens per second"),
      ])),
    ],
  });
}
