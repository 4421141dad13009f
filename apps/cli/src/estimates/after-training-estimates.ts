/** Estimates of the stages after the distillation, from a student of random weights that the plan exports and lets answer. */
import type { DeployConfig } from "@slm/deploy";
import type { ExportConfig } from "@slm/onnx-export";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { heldOutFile } from "../models/held-out-rows.js";
import type { EstimateRequest, StageEstimate } from "../pipeline/stage.js";
import { STAGE_SECONDS } from "./stage-seconds.js";

const BASIS = "measured now with random weights";

/** Time of the export, and the size of its graphs. */
export async function estimateExport(request: EstimateRequest<ExportConfig>): Promise<StageEstimate> {
  const student = await request.students.measure(request);
  if (student === undefined) return {};
  return { seconds: STAGE_SECONDS + student.exportSeconds, diskBytes: student.bytes, basis: BASIS };
}

/** Settings of the stage `quantize` that its time depends on. */
interface QuantizeWork {
  readonly schemes: readonly string[];
  readonly evaluateRows?: number | undefined;
}

/** A scheme costs about as much as two exports: the calibration runs the graphs, and the result is written and checked. */
const EXPORTS_PER_SCHEME = 2;

/**
 * What a scheme costs beside them: a runtime is started, calibration rows are read, 4-bit weights are rounded by their Gram matrices. Measured on two
 * cores, the quick start's student [seconds].
 */
const SCHEME_SECONDS = 0.8;

/** Time of making every scheme, and of answering all held-out rows with each and with the export. */
export async function estimateQuantize(request: EstimateRequest<QuantizeWork>): Promise<StageEstimate> {
  const student = await request.students.measure(request);
  const { data } = request.artifacts;
  if (student === undefined || data === undefined) return {};
  const { schemes, evaluateRows = Infinity } = request.settings;
  const rows = Math.min(evaluateRows, await heldOutRows(data));
  const made = schemes.length * (SCHEME_SECONDS + EXPORTS_PER_SCHEME * student.exportSeconds);
  const answered = (schemes.length + 1) * (student.loadSeconds + rows * student.batchSeconds);
  return { seconds: made + answered, diskBytes: schemes.length * student.bytes, basis: BASIS };
}

/** Settings of the stage `bench` that its time depends on. */
interface BenchWork {
  readonly runs: number;
  readonly warmup: number;
  readonly loads: number;
  readonly settleMs: number;
  readonly baseline: string | null;
}

/** Starting a process that loads a model, measured on two cores [seconds]. */
const PROCESS_SECONDS = 0.6;
/** Measuring the rates of the machine, before and after [seconds]. */
const RATES_SECONDS = 3;

/** Time of all loads and runs of the models and their baseline. */
export async function estimateBench(request: EstimateRequest<BenchWork>): Promise<StageEstimate> {
  const student = await request.students.measure(request);
  if (student === undefined) return {};
  const { runs, warmup, loads, settleMs, baseline } = request.settings;
  const models = modelsOf(request) + (baseline === null ? 0 : 1);
  const loaded = loads * (PROCESS_SECONDS + student.loadSeconds);
  const answered = (runs + warmup) * (settleMs / 1000 + student.answerSeconds);
  const made = baseline === null ? 0 : (1 + EXPORTS_PER_SCHEME) * student.exportSeconds;
  return { seconds: RATES_SECONDS + made + models * (loaded + answered), basis: BASIS };
}

/** The export, and the quantized model where there is one. */
const modelsOf = ({ sections }: Pick<EstimateRequest<unknown>, "sections">): number =>
  sections.quantize === undefined || sections.quantize === null ? 1 : 2;

/** Files are copied and hashed at about this rate [bytes/s]. */
const COPY_BYTES_PER_SECOND = 200e6;
/** The page, the card and the archive of a small bundle [seconds]. */
const BUNDLE_SECONDS = 0.2;

/** Time of writing the bundle; the threshold of confidence left out. */
export async function estimateDeploy(request: EstimateRequest<DeployConfig>): Promise<StageEstimate> {
  const student = await request.students.measure(request);
  if (student === undefined) return {};
  return {
    seconds: BUNDLE_SECONDS + student.bytes / COPY_BYTES_PER_SECOND,
    diskBytes: student.bytes,
    basis: BASIS,
  };
}

async function heldOutRows(data: string): Promise<number> {
  let rows = 0;
  const { file } = await heldOutFile(data);
  for await (const line of createInterface({ input: createReadStream(file) })) if (line !== "") rows += 1;
  return rows;
}
