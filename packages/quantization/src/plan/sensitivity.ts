/** Layer sensitivity: the change of the outputs when only one layer is quantized. */
import { tableFormat, type WeightFormat } from "@slm/devices";
import { graphsOf, readDeviceModel, type DeviceModel, type GraphName } from "@slm/exported-model";
import { resolveInside, throwIfInterrupted, SlmError } from "@slm/core";
import { readOnnx, type Graph } from "@slm/onnx";
import { weightGrams } from "../calibration/weight-grams.js";
import { collectRanges } from "../calibration/collect.js";
import type { FeedSource } from "../calibration/feeds.js";
import { withModelFeeds, type ModelCalibration } from "../calibration/model-feeds.js";
import { requestFor, type QuantizeDirectoryOptions } from "../models/quantize-directory.js";
import { careFor, quantizeModelGraph } from "../models/quantize-model-graph.js";
import { graphScheme, type StaticScheme } from "../models/schemes.js";
import { coveredNodes, planGraph } from "../static/plan-graph.js";
import { quantizeWithRanges, valuesToCalibrate } from "../static/quantize-static.js";
import { blockMethods } from "../weights/block-method.js";
import { chooseMethod } from "../rewrite/choose-method.js";
import { layersOf, type Layer } from "./layer-formats.js";
import { withLogitJudge, type LogitJudge } from "../calibration/logit-judge.js";

/** The sensitivity of one layer: a weight for weight schemes, a node for static schemes. */
export interface LayerSensitivity {
  readonly graph: GraphName;
  /** Name of the weight or node. */
  readonly layer: string;
  /** Format of the weight; the scheme for a node. */
  readonly format: string;
  /** KL divergence of the next token from the float32 model's [nats per token]. */
  readonly divergence: number;
}

export type SensitivityOptions = Omit<QuantizeDirectoryOptions, "outputDirectory" | "calibration"> & {
  readonly calibration: ModelCalibration;
};

interface Site {
  readonly name: GraphName;
  readonly graph: Graph;
  readonly feeds: FeedSource;
  readonly judge: LogitJudge;
  readonly model: DeviceModel;
}

/** Every layer of one graph: weights or nodes, depending on the scheme. */
type MeasureGraph = (site: Site, options: SensitivityOptions) => AsyncGenerator<LayerSensitivity>;

/** Formats to try a layer in. */
type Candidates = (layer: Layer) => readonly WeightFormat[];

/** Each weight in each of the formats. */
const weightSensitivities = (candidates: Candidates): MeasureGraph =>
  async function* ({ name, graph, feeds, judge, model }, options) {
    const method = chooseMethod(graph, options.weights?.method, true);
    const weights = { ...options.weights, method };
    const request = requestFor(name, model.target, { ...options, weights }, feeds);
    const needsGrams = blockMethods[method].needsCalibration;
    const {
      calibration: { runtime },
      signal,
    } = options;
    const grams = needsGrams ? await weightGrams(graph, { runtime, feeds, signal }) : undefined;
    for (const layer of layersOf(name, graph)) {
      const { weight } = layer;
      for (const format of candidates(layer)) {
        const { graph: changed } = await quantizeModelGraph(graph, {
          ...request,
          scheme: { kind: "weights", format: "float32" },
          formats: new Map([[weight, format]]),
          grams,
        });
        yield { graph: name, layer: weight, format, divergence: await judge.divergence({ [name]: changed }) };
      }
    }
  };

/** Each node of a static scheme. Ranges are calibrated once. */
const nodeSensitivities = (scheme: StaticScheme): MeasureGraph =>
  async function* ({ name, graph, feeds, judge, model }, options) {
    const request = requestFor(name, model.target, options, feeds);
    const { coverage, reduceRange } = request;
    const { activations, weights } = scheme;
    const collect = { runtime: options.calibration.runtime, feeds, signal: options.signal };
    const care = await careFor(graph, scheme, request, collect);
    const settings = { coverage, reduceRange, activations, weights, ...care };
    const whole = planGraph(graph, settings);
    const ranges = await collectRanges(graph, valuesToCalibrate(whole), collect);
    const covered = [...coveredNodes(graph, settings)].map(({ name: node }) => node);
    for (const layer of covered) {
      const exclude = new Set(covered.filter((other) => other !== layer));
      const plan = planGraph(graph, { ...settings, exclude });
      if (plan.tensors.size === 0) continue;
      const { graph: changed } = quantizeWithRanges(plan, ranges, { ...settings, exclude });
      const divergence = await judge.divergence({ [name]: changed });
      yield { graph: name, layer, format: options.scheme, divergence };
    }
  };

/**
 * Quantizes one layer at a time and measures the KL divergence of the outputs. Returns the most sensitive layer first.
 *
 * @param formats of a layer, to try other weight formats than the scheme's; ignored for static schemes
 * @throws SlmError as quantizing does; OP_UNSUPPORTED for static graphs; INTERRUPTED
 */
export async function measureSensitivity(
  options: SensitivityOptions,
  formats?: Candidates,
): Promise<readonly LayerSensitivity[]> {
  const { modelDirectory, calibration, progress, signal } = options;
  const model = await readDeviceModel(modelDirectory);
  if (model.static !== undefined) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `quantize: sensitivity is measured on a CPU export, but ${modelDirectory} has static graphs`,
      { suggestions: ["slm export CHECKPOINT --target cpu", "--exclude NODE keeps a node in float32"] },
    );
  }
  const scheme = graphScheme(options.scheme);
  const measure =
    scheme.kind === "static"
      ? nodeSensitivities(scheme)
      : weightSensitivities(
          formats ??
            (({ graph, isTable }) => [
              isTable ? (options.weights?.embedding ?? tableFormat(scheme[graph])) : scheme[graph],
            ]),
        );
  const found: LayerSensitivity[] = [];
  await withModelFeeds(modelDirectory, calibration, (feeds) =>
    withLogitJudge(modelDirectory, model, calibration, async (judge) => {
      for (const { name, graph: file } of graphsOf(model)) {
        const graph = await readOnnx(resolveInside(modelDirectory, file.file));
        for await (const damage of measure({ name, graph, feeds: feeds[name], judge, model }, options)) {
          found.push(damage);
          progress?.({
            stage: "quantize",
            step: found.length,
            message: `${name} ${damage.layer} ${damage.format}`,
          });
          if (signal !== undefined) throwIfInterrupted(signal, "quantize");
        }
      }
    }),
  );
  return found.sort((a, b) => b.divergence - a.divergence);
}
