/** Compiles models for NPUs ahead of time, with vendors' plug-ins. */
import type { FileSettings } from "@slm/data";
import { compileFile, compileModel, type CompileReport } from "@slm/runtime-native/compilation";
import type { CompilingProfile } from "@slm/devices";
import { isMetricName, type MetricName } from "@slm/metrics";
import { parseEvaluationMetrics, verifyCompiled, type VerifiedChip } from "@slm/models/quality";
import { contextOf, givenSettings, type WorkOptions } from "@slm/core/work";
import { SlmError } from "@slm/core/errors";
import { locateModel } from "@slm/models/open";
import { siblingPath, writeStandalone } from "@slm/models/artifacts";
import { requireIntact } from "@slm/core";
import { parseSizes } from "@slm/models/parse-sizes";
import { readEvaluationRows, rowSettingsFor } from "@slm/models/rows";

export type { VerifiedChip };

/** Chips, verification and output of a compilation. */
export interface CompileOptions extends WorkOptions {
  /** Chips of the profile that the model was exported for, such as sm8650 or sc8380xp. */
  readonly socs: readonly string[];
  /** Output directory. Default: `MODEL-compiled`, next to MODEL. */
  readonly output?: string | undefined;
  /** Decodes this many rows of `data` with the compiled graphs and on the CPU, and compares the answers. Default: none. */
  readonly verify?: number | undefined;
  /** JSONL file of rows to verify. */
  readonly data?: string | undefined;
  /** How to read files of rows, as in a recipe's `data` section. Default: the settings of the model's recipe. */
  readonly rows?: FileSettings | undefined;
  /** Metrics of those rows, comma-separated. Default: only differences of logits and equal answers. */
  readonly metrics?: string | undefined;
  /** For an ONNX file: the device software. Default: qnn. */
  readonly profile?: CompilingProfile | undefined;
  /** For an ONNX file: shapes of inputs (`x=1,3,48,320`) and sizes of dynamic axes (`batch=1`). */
  readonly shapes?: readonly string[] | undefined;
  /** Compiler threads. Default: one per CPU core. */
  readonly threads?: number | undefined;
}

/** Results of a compilation and its verification. */
export interface CompiledModel extends CompileReport {
  /** One entry per chip; empty if nothing was verified. */
  readonly verified: readonly VerifiedChip[];
  /** Output directory. */
  readonly artifact: string;
}

/**
 * Compiles every graph of an NPU export for each chip. Add the NPU vendor's plug-in first.
 *
 * @param model an export or quantized model for an NPU, or an .onnx file
 * @throws SlmError OP_UNSUPPORTED for a graph that the vendor's compiler cannot compile as a whole; DEVICE_UNAVAILABLE without a plug-in;
 * USAGE for an unknown chip, or for `verify` without `data`
 * @example
 * const { chips } = await compile("exported", { socs: ["sm8650"] });
 */
export async function compile(model: string, options: CompileOptions): Promise<CompiledModel> {
  const { verify = 0, data, threads, socs } = options;
  if (verify > 0 && data === undefined) {
    throw new SlmError("USAGE", `--verify ${verify}: expected --data with rows to decode, got none`, {
      suggestions: [`--verify ${verify} --data ROWS.jsonl --metrics METRIC`],
    });
  }
  const output = options.output ?? siblingPath(model.replace(/\.onnx$/, ""), "compiled");
  if (model.endsWith(".onnx")) return { ...(await compileOnnx(model, output, options)), artifact: output };
  if (options.profile !== undefined || (options.shapes ?? []).length > 0) {
    throw new SlmError(
      "USAGE",
      `${model}: --profile and --shape apply to ONNX files only; this model has its own profile and shapes`,
    );
  }
  const { directory } = await locateModel(model);
  await requireIntact(directory);
  const { progress, signal } = contextOf(options);
  const report = await writeStandalone(
    { directory: output, kind: "compiled", sources: { model: directory }, settings: givenSettings(options) },
    async (work) => {
      const request = { modelDirectory: directory, outputDirectory: work, socs, threads, progress, signal };
      const made = await compileModel(request);
      const verified =
        data === undefined || verify === 0 ? [] : await verifyRows(work, made, { ...options, verify, data });
      return { ...made, verified };
    },
  );
  return { ...report, artifact: output };
}

/** Compiles any ONNX file. It cannot be verified, because the meaning of its inputs is unknown. */
async function compileOnnx(
  file: string,
  output: string,
  options: CompileOptions,
): Promise<Omit<CompiledModel, "artifact">> {
  const { socs, threads, profile = "qnn", shapes = [], verify } = options;
  if (verify !== undefined)
    throw new SlmError("USAGE", `--verify ${verify}: expected a model directory, got an ONNX file`);
  const { progress, signal } = contextOf(options);
  const report = await writeStandalone(
    { directory: output, kind: "compiled", sources: { model: file }, settings: givenSettings(options) },
    (work) => {
      const sizes = shapes.map(parseSizes);
      return compileFile({ file, outputDirectory: work, profile, socs, sizes, threads, progress, signal });
    },
  );
  return { ...report, verified: [] };
}

async function verifyRows(
  model: string,
  { profile, chips }: CompileReport,
  options: CompileOptions & { readonly verify: number; readonly data: string },
): Promise<readonly VerifiedChip[]> {
  const { metrics, threads } = options;
  return verifyCompiled({
    model,
    profile,
    socs: chips.map(({ soc }) => soc),
    rows: await readEvaluationRows(
      options.data,
      options.verify,
      await rowSettingsFor({ file: options.data, model, needed: "rows", given: options.rows }),
    ),
    metrics: metrics === undefined ? [] : answerMetrics(metrics),
    threads,
    context: contextOf(options),
  });
}

/** @throws SlmError USAGE for an unknown metric, and for perplexity, which is not a metric of answers */
function answerMetrics(list: string): readonly MetricName[] {
  return parseEvaluationMetrics(list).map((name) => {
    if (isMetricName(name)) return name;
    throw new SlmError("USAGE", `--metrics ${name}: compiled graphs are compared by their answers`, {
      suggestions: ["--metrics exactMatch"],
    });
  });
}
