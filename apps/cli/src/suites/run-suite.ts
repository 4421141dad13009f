/** `slm bench --suite paper`: from flags to a grid, and from the grid to a report. */
import type { StageContext } from "@slm/core";
import { benchConfig } from "@slm/bench";
import { SlmError } from "@slm/core/errors";
import { encoderDecoderConfig, type EncoderDecoderConfig } from "@slm/model";
import { readModelShape } from "../models/random-checkpoint.js";
import { writeStandalone } from "../models/standalone-artifact.js";
import { parseNumbers } from "../number-list.js";
import { DEFAULT_GRID, PAPER_SHAPE, type SuiteGrid } from "./paper-setting.js";
import { runPaperSuite, type PaperSuiteResult } from "./paper-suite.js";
import type { SuiteFlags } from "./suite-flags.js";
import { writeSuiteReport } from "./suite-report.js";

/** Default of the measured generations per model and point. Few, because a point with long sources takes minutes. */
const DEFAULT_RUNS = 5;
const WARMUP_RUNS = 1;
/** Loads per model. Few, because the models are large and the suite does not report load times. */
const LOADS = 1;

/**
 * Runs the suite into the directory `output`.
 *
 * @throws SlmError USAGE for malformed lists or a missing output, and as runPaperSuite
 */
export async function paperSuite(flags: SuiteFlags, context: StageContext): Promise<PaperSuiteResult> {
  const { output, runs = DEFAULT_RUNS, threads, seed } = flags;
  if (output === undefined)
    throw new SlmError("USAGE", "bench: a suite needs a directory for its report", {
      suggestions: ["slm bench --suite paper -o DIR"],
    });
  const shape = await shapeOf(flags.shape);
  const grid: SuiteGrid = {
    schemes: flags.schemes === undefined ? DEFAULT_GRID.schemes : namesIn(flags.schemes),
    sources: numbersIn("sources", flags.sources) ?? DEFAULT_GRID.sources,
    answers: numbersIn("answers", flags.answers) ?? DEFAULT_GRID.answers,
    batches: numbersIn("batches", flags.batches) ?? DEFAULT_GRID.batches,
    encoderLayers:
      numbersIn("encoder-layers", flags["encoder-layers"]) ??
      (flags.shape === undefined ? DEFAULT_GRID.encoderLayers : [shape.encoderLayers]),
  };
  const config = benchConfig.parse({ runs, warmup: WARMUP_RUNS, loads: LOADS });
  return writeStandalone(
    {
      directory: output,
      kind: "bench",
      sources: {},
      seed,
      isResumable: true,
      settings: { suite: "paper", shape, grid, ...config, threads: threads ?? null },
    },
    async (work) => {
      const result = await runPaperSuite({ shape, grid, config, threads, work, context });
      await writeSuiteReport(work, result);
      return result;
    },
  );
}

async function shapeOf(path: string | undefined): Promise<EncoderDecoderConfig> {
  if (path === undefined) return encoderDecoderConfig.parse(PAPER_SHAPE);
  const shape = await readModelShape(path);
  if (shape.architecture === "decoder-only")
    throw new SlmError(
      "USAGE",
      `bench: ${path} is decoder-only: the suite compares an encoder-decoder with one`,
    );
  return shape;
}

const namesIn = (list: string): readonly string[] => list.split(",").map((name) => name.trim());

function numbersIn(flag: string, list: string | undefined): readonly number[] | undefined {
  return list === undefined ? undefined : parseNumbers(list, "bench", flag);
}
