/** Quantizes models, and rejects the result if a gate fails. */
import type { FileSettings } from "@slm/data";
import { dirname } from "node:path";
import type { QuantizeFileReport, QuantizeReport, QuantizeTransformersReport } from "@slm/quantization";
import type { RuntimeDevice } from "@slm/runtime";
import { GateFailed } from "@slm/core/errors";
import type { GatedQuantization } from "@slm/models/quantize";
import type { QuantizeSettings } from "@slm/models/quantize";
import { contextOf, givenSettings, type WorkContext, type WorkOptions } from "@slm/core/work";

export type { GatedQuantization };

/** Scheme, gate and output of a quantization. */
export interface QuantizeOptions extends WorkOptions, QuantizeSettings {
  /** Output directory. Default: `MODEL-<scheme>`, next to MODEL. */
  readonly output?: string | undefined;
  /** Metric and its maximum loss: `wer:+0.5` [points], `wer:0.005`, `logitDivergence:0.01` [nats]. */
  readonly gate?: string | undefined;
  /** JSONL file of rows on which the gate is measured. Default: the calibration rows. */
  readonly data?: string | undefined;
  /** How to read files of rows, as in a recipe's `data` section. Default: the settings of the model's recipe. */
  readonly rows?: FileSettings | undefined;
  /** Measures the gate on only this many rows, from the start of the file. Default: all. */
  readonly limit?: number | undefined;
  /** Intra-op threads, and threads that quantize weights. Default: one per CPU core. */
  readonly threads?: number | undefined;
}

/** The layout or file has no gate. */
export interface WithoutGate {
  /** No gate was requested. */
  readonly gate: null;
}

/** Sizes before and after. Only slm's own layout has a gate; for an ONNX file, the report says how its outputs changed. */
export type QuantizedModel = (
  | (QuantizeReport & GatedQuantization)
  | (QuantizeFileReport & WithoutGate)
  | (QuantizeTransformersReport & WithoutGate)
) & {
  /** The device that measured; absent if nothing was measured. */
  readonly device?: RuntimeDevice | undefined;
  /** Output directory. */
  readonly artifact: string;
};

/** The part of a request that is common to all three kinds of models. */
interface Request {
  readonly model: string;
  readonly options: QuantizeOptions;
  readonly output: string;
  readonly context: WorkContext;
  /** Settings for the manifest. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/**
 * Quantizes a model; with a gate, only if the metric stays within the limit.
 *
 * @param model an export of either layout, a checkpoint, or an .onnx file
 * @throws GateFailed if the gate fails. Nothing is written, and the model does not change
 * @throws SlmError USAGE for options that contradict each other, INPUT_MISSING, DATA_INVALID, INTERRUPTED
 * @example
 * const { bytesAfter } = await quantize("exported", { scheme: "int4-block", calibration: "train.jsonl" });
 */
export async function quantize(model: string, options: QuantizeOptions): Promise<QuantizedModel> {
  const { checkQuantizeSettings, rejectShapes } = await import("@slm/models/quantize");
  const { learnsFromData, transformersGraphs } = await import("@slm/quantization");
  const { isModelDirectory } = await import("@slm/models/open");
  const { siblingPath } = await import("@slm/models/artifacts");
  checkQuantizeSettings(options);
  const { scheme, output = siblingPath(model.replace(/\.onnx$/, ""), scheme) } = options;
  const context = contextOf(options);
  const request = { model, options, output, context, settings: givenSettings(options) };
  if (model.endsWith(".onnx")) return quantizeOnnxFile(request);
  rejectShapes(options.shapes, model);
  if (!isModelDirectory(model) && (await transformersGraphs(model)).length > 0)
    return quantizeTransformersLayout(request);
  if (learnsFromData(scheme) && options.calibration === undefined)
    context.note(
      "weights of few bits are rounded without calibration data; --calibration rows.jsonl reduces the loss",
    );
  return quantizeModel(request);
}

async function quantizeTransformersLayout(request: Request): Promise<QuantizedModel> {
  const { model, options, output, context, settings } = request;
  const { rejectData, weightSettings } = await import("@slm/models/quantize");
  const { writeStandalone } = await import("@slm/models/artifacts");
  const { quantizeTransformers } = await import("@slm/quantization");
  const { withOutputThreads } = await import("@slm/models/engines");
  rejectData(options, model);
  const { progress, signal } = context;
  const report = await writeStandalone(
    { directory: output, kind: "quantized", settings, sources: { model } },
    (work) =>
      withOutputThreads(options.threads, (run) =>
        quantizeTransformers({
          ...weightSettings(options),
          modelDirectory: model,
          outputDirectory: work,
          run,
          progress,
          signal,
        }),
      ),
  );
  return { ...report, gate: null, artifact: output };
}

async function quantizeModel({
  model: path,
  options,
  output,
  context,
  settings,
}: Request): Promise<QuantizedModel> {
  const { directoryOptions, gateMessage, quantizeWithGate, readGateRequest } =
    await import("@slm/models/quantize");
  const { writeStandalone } = await import("@slm/models/artifacts");
  const { withPreparedModel } = await import("@slm/models/open");
  const { withOutputThreads, withRuntime } = await import("@slm/models/engines");
  const { scheme, threads } = options;
  const { progress, signal } = context;
  return withRuntime(threads, (runtime) =>
    withPreparedModel(path, { runtime: () => Promise.resolve(runtime), progress, signal }, async (model) => {
      const gate = await readGateRequest({ ...options, model });
      const request = await directoryOptions(options, model, runtime);
      const report = await writeStandalone(
        { directory: output, kind: "quantized", sources: { model }, settings },
        async (work) => {
          const result = await withOutputThreads(threads, (run) =>
            quantizeWithGate({
              options: { ...request, progress, signal, run, outputDirectory: work },
              gate,
              runtime,
              threads,
              context,
            }),
          );
          if (result.gate?.pass !== false) return result;
          throw new GateFailed(gateMessage(scheme, result.gate), { ...result, artifact: path }, [
            "slm quantize MODEL --scheme int8-dynamic",
            "accept a larger loss: --gate metric:+points",
          ]);
        },
      );
      return { ...report, device: runtime.device, artifact: output };
    }),
  );
}

async function quantizeOnnxFile({
  model: path,
  options,
  output,
  context,
  settings,
}: Request): Promise<QuantizedModel> {
  const { fileOptions, rejectGate } = await import("@slm/models/quantize");
  const { writeStandalone } = await import("@slm/models/artifacts");
  const { withOutputThreads, withRuntime } = await import("@slm/models/engines");
  const { quantizeFile, quantizedFileIn } = await import("@slm/quantization");
  rejectGate(options.gate, path);
  const { progress, signal } = context;
  return withRuntime(options.threads, async (runtime) => {
    const request = await fileOptions(options, path, runtime);
    const report = await writeStandalone(
      { directory: output, kind: "quantized", settings, sources: { model: dirname(path) } },
      (work) =>
        withOutputThreads(options.threads, (run) =>
          quantizeFile({ ...request, output: quantizedFileIn(work, path), run, progress, signal }),
        ),
    );
    return { ...report, gate: null, device: runtime.device, artifact: output };
  });
}
