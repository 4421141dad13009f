/** Quantizes a model, then measures its gate metric and its speed. */
import { SlmError } from "@slm/core/errors";
import { METRICS } from "@slm/metrics";
import { gateIn, parseGate, quantizeDirectory, type QuantizeReport } from "@slm/quantization";
import {
  DIVERGENCE,
  Judge,
  divergenceOf,
  requireMetric,
  type GateRequest,
  type JudgeRequest,
  type Verdict,
} from "@slm/pipeline/models/judge";
import type { FileSettings } from "@slm/data";
import { rowSettingsFor } from "@slm/pipeline/models/row-settings";
import { readEvaluationRows } from "@slm/pipeline/models/measure-quality";

export interface GatedQuantization extends Verdict {
  /** KL divergence between the next-token distributions of the float32 model and this one; null without calibration rows [nats per token]. */
  readonly divergence: number | null;
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

/** Quantizes, then measures both models if there is a gate. A failed gate is a result, not an error. */
export async function quantizeWithGate(request: JudgeRequest): Promise<QuantizeReport & GatedQuantization> {
  const report = await quantizeDirectory(request.options);
  const judge = new Judge(request);
  const verdict = await judge.ask();
  // The form that runs decides, once the graphs pass.
  const portable = verdict.gate?.pass === true ? await judge.askPortable() : null;
  return {
    ...report,
    ...verdict,
    gate: portable ?? verdict.gate,
    divergence: await divergenceOf(request),
  };
}
