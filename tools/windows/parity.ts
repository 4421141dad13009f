/** The same inputs give the same data, tokenizer, training and answers as on this machine. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RUN } from "./first-hour.js";
import type { Scene } from "./scene.js";
import { expect, step } from "../lib/steps.js";

/** Accepted difference of a loss: the same kernels, compiled by two compilers. */
const LOSS_TOLERANCE = 1e-3;

/** Rows as JSON lines or CSV with the given line end. */
function rowsWith(format: "csv" | "jsonl", end: string): string {
  const rows = Array.from({ length: 60 }, (_, i) => [`source number ${i}`, `target ${i}`] as const);
  const lines =
    format === "csv"
      ? ["source,target", ...rows.map(([source, target]) => `${source},${target}`)]
      : rows.map(([source, target]) => JSON.stringify({ source, target }));
  return `${lines.join(end)}${end}`;
}

/** Paths and hashes of a stage's files, apart from records of times. */
function contents(...directory: readonly string[]): string {
  const text = readFileSync(join(...directory, "manifest.json"), "utf8");
  const { outputs } = JSON.parse(text) as { outputs: { isRecord?: true }[] };
  return JSON.stringify(outputs.filter(({ isRecord }) => isRecord !== true));
}

/** Losses in the log of a training stage. */
function losses(...directory: readonly string[]): readonly number[] {
  const lines = readFileSync(join(...directory, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  return lines
    .map((line) => (JSON.parse(line) as { loss?: number }).loss)
    .filter((loss) => loss !== undefined);
}

export async function parity(scene: Scene): Promise<void> {
  await step("rows with CRLF and with LF become the same data", async () => {
    for (const format of ["csv", "jsonl"] as const) {
      for (const [name, end] of [
        ["crlf", "\r\n"],
        ["lf", "\n"],
      ] as const) {
        writeFileSync(join(scene.folder, `${name}.${format}`), rowsWith(format, end));
        await scene.slm([
          "data",
          "prepare",
          "--set",
          `data.train=${name}.${format}`,
          "--out",
          `${format} ${name}`,
        ]);
      }
      const [crlf, lf] = ["crlf", "lf"].map((name) => contents(scene.folder, `${format} ${name}`, "data"));
      expect(crlf === lf, `${format}: ${crlf}\n${lf}`);
    }
  });
  await step("data, tokenizer and training as on this machine", () => {
    scene.host(RUN.with(RUN.indexOf("run", 1), "host"));
    for (const stage of ["data", "tokenizer"]) {
      const [windows, host] = ["run", "host"].map((run) => contents(scene.folder, run, stage));
      expect(windows === host, `${stage}: ${windows}\n${host}`);
    }
    let count = 0;
    let largest = 0;
    // On Windows, distill was interrupted and resumed.
    for (const stage of ["teacher", "distill"]) {
      const [windows, host] = ["run", "host"].map((run) => losses(scene.folder, run, stage)) as [
        number[],
        number[],
      ];
      const shown = `${stage}: ${windows.join()}; ${host.join()}`;
      expect(windows.length > 0 && windows.length === host.length, shown);
      const differences = windows.map((loss, i) => Math.abs(loss - host[i]!));
      count += windows.length;
      largest = Math.max(largest, ...differences);
      expect(largest <= LOSS_TOLERANCE, `losses differ: ${shown}`);
    }
    return `${count} losses differ by at most ${largest.toExponential(1)}`;
  });
}
