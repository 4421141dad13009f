/** Quantizes a model, then measures its gate metric and its speed. */
import { removePath } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { METRICS } from "@slm/metrics";
import {
  gateIn,
  measureSensitivity,
  overheadBytes,
  parseGate,
  planBudget,
  quantizeDirectory,
  type BudgetPlan,
  type LayerSensitivity,
  type QuantizeReport,
} from "@slm/quantization";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { excludeWorst } from "./exclusion.js";
import {
  DIVERGENCE,
  Judge,
  calibrated,
  divergenceOf,
  requireMetric,
  type GateRequest,
  type JudgeRequest,
  type Verdict,
} from "./judge.js";
import type { FileSettings } from "@slm/data";
import { rowSettingsFor } from "../rows/row-settings.js";
import { readEvaluationRows } from "../rows/evaluation-rows.js";

export interface GatedQuantization extends Verdict {
  /** KL divergence between the next-token distributions of the float32 model and this one; null without calibration rows [nats per token]. */
  readonly divergence: number | null;
  /** Layer sensitivities, most sensitive layer first; empty unless requested. */
  readonly layers: readonly LayerSensitivity[];
  /** Layers kept in float32 to pass the gate, as graph/layer. */
  readonly excluded: readonly string[];
}

/** The gate of `--gate`, `--data` and `--limit`; undefined without `--gate`.
 *
 * @throws SlmError USAGE for a malformed gate, an unknown metric, or no rows to measure on;
 * INPUT_MISSING or DATA_INVALID for the rows
 */
export async function readGateRequest(flags: {
  readonly gate?: string | undefined;
  readonly data?: string | undefined;
  readonly rows?: FileSettings | undefined;
  readonly limit?: number | undefined;
  /** Directory of the exported model. */
  readonly model: string;
}): Promise<GateRequest | undefined> {
  if (flags.gate === undefined) return undefined;
  const written = parseGate(flags.gate);
  if (flags.data === undefined) {
    throw new SlmError(
      "USAGE",
      `--gate ${flags.gate}: expected --data or --calibration with rows to measure on, got none`,
      {
        suggestions: [`--gate ${flags.gate} --data ROWS.jsonl`],
      },
    );
  }
  if (written.metric === DIVERGENCE) {
    if (written.unit === "metric") return { metric: DIVERGENCE, maxDrop: written.maxDrop, rows: [] };
    throw new SlmError(
      "USAGE",
      `--gate ${flags.gate}: expected a limit in nats, without a sign, got points`,
      {
        suggestions: [`--gate ${DIVERGENCE}:0.01`],
      },
    );
  }
  const metric = requireMetric(written.metric);
  const { maxDrop } = gateIn(METRICS[metric].unit, written);
  const { data, limit, model, rows: given } = flags;
  const settings = await rowSettingsFor({ file: data, model, needed: "rows", given });
  return { metric, maxDrop, rows: await readEvaluationRows(data, limit, settings) };
}

/** How to quantize `modelDirectory` into `outputDirectory`. */
interface GatedQuantizationRequest extends JudgeRequest {
  /** Measure layer sensitivities, and keep the most sensitive layers in float32 until the gate passes. */
  readonly sensitivity: boolean;
  /** Size limit; each layer gets the format that fits it [bytes]. */
  readonly budget?: number | undefined;
}

/** Quantizes, then measures both models if there is a gate. A failed gate is a result, not an error. */
export async function quantizeWithGate(
  request: GatedQuantizationRequest,
): Promise<QuantizeReport & GatedQuantization> {
  const { gate, sensitivity } = request;
  const plan = await planOf(request);
  const options =
    plan === undefined
      ? request.options
      : { ...request.options, formats: plan.formats, blockSize: plan.blockSize };
  const report = await quantizeDirectory(options);
  requireBudget(report, request.budget);
  const layers = plan?.layers ?? (sensitivity ? await measureSensitivity(calibrated(options)) : []);
  const judge = new Judge(request);
  const first = await judge.ask();
  const result =
    first.gate?.pass !== false || !sensitivity || gate === undefined
      ? { ...report, ...first, excluded: [] }
      : await excludeWorst({ options, layers, judge });
  // The form that runs decides, once the graphs pass.
  const portable = result.gate?.pass === true ? await judge.askPortable() : null;
  return { ...result, gate: portable ?? result.gate, layers, divergence: await divergenceOf(request) };
}

async function planOf(request: GatedQuantizationRequest): Promise<BudgetPlan | undefined> {
  const { budget } = request;
  if (budget === undefined) return undefined;
  const options = calibrated(request.options);
  const scratch = await mkdtemp(join(tmpdir(), "slm-budget-"));
  try {
    return await planBudget(options, budget, await overheadBytes(options, scratch));
  } finally {
    await removePath(scratch);
  }
}

function requireBudget({ bytesAfter }: QuantizeReport, budget: number | undefined): void {
  if (budget === undefined || bytesAfter <= budget) return;
  throw new SlmError(
    "GATE_FAILED",
    `quantize: the model has ${bytesAfter} bytes, but --budget allows only ${budget}`,
    {
      suggestions: ["give a larger budget"],
    },
  );
}
