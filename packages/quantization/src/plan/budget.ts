/** Chooses formats per layer so that the model fits a size budget. */
import { GRAPH_NAMES, graphsOf, readDeviceModel, type GraphName } from "@slm/exported-model";
import { resolveInside, SlmError } from "@slm/core";
import { readOnnx } from "@slm/onnx";
import { quantizeDirectory, type PerGraph } from "../models/quantize-directory.js";
import { withBlockSize, type SchemeName, type SizedWeightOptions, type WeightFormat } from "@slm/devices";
import { chooseFormats, type ChoosingLayer } from "./choose-formats.js";
import { layerBytes, layersOf, type Layer } from "./layer-formats.js";
import { measureSensitivity, type LayerSensitivity, type SensitivityOptions } from "./sensitivity.js";

/** A plan for a model. */
export interface BudgetPlan {
  readonly formats: PerGraph<ReadonlyMap<string, WeightFormat>>;
  /** The options that the plan's sizes assume. */
  readonly weights: SizedWeightOptions;
  /** Predicted size of the model [bytes]. */
  readonly bytes: number;
  /** Predicted divergence: the sum of all layers' sensitivities [nats per token]. */
  readonly divergence: number;
  readonly layers: readonly LayerSensitivity[];
}

/** The 8-bit format that is fast for the graph's number of tokens. */
const EIGHT_BITS = {
  vision: "int8-dynamic",
  encoder: "int8-dynamic",
  chunk: "int8-dynamic",
  decoder: "int8-block",
} as const satisfies Readonly<Record<GraphName, WeightFormat>>;

/** Formats of a layer, the smallest first: 4 and 8 bits; with scheme int2-block also 2 bits, except for tables. */
const budgetFormats = (
  scheme: SchemeName,
  { graph, isTable }: Pick<Layer, "graph" | "isTable">,
): readonly WeightFormat[] => [
  ...(scheme === "int2-block" && !isTable ? (["int2-block"] as const) : []),
  "int4-block",
  EIGHT_BITS[graph],
];

const UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 };
const SIZE = /^(\d+(?:\.\d+)?)(B|KB|MB|GB)$/;

/**
 * Parses a size from the command line. @example parseBytes("2MB") // 2000000
 *
 * @throws SlmError USAGE for anything else
 */
export function parseBytes(text: string): number {
  const [, number = "", unit = ""] = SIZE.exec(text) ?? [];
  const bytes = Number(number) * (UNITS[unit] ?? NaN);
  if (number !== "" && Number.isFinite(bytes) && bytes > 0) return bytes;
  throw new SlmError("USAGE", `quantize: a budget is a size such as 2MB or 500KB, got '${text}'`, {
    suggestions: ["--budget 2MB"],
  });
}

/**
 * Measures every layer in 4 and 8 bits, with scheme int2-block also in 2 bits, and chooses formats, including float32, for a model of at most `budget` bytes.
 *
 * @param overhead bytes that do not depend on formats: graphs, norms, constants
 * @throws SlmError CONFIG_INVALID if the model is too large even with the fewest bits everywhere; as `measureSensitivity` does
 */
export async function planBudget(
  options: SensitivityOptions,
  budget: number,
  overhead: number,
): Promise<BudgetPlan> {
  const weights = withBlockSize(options.weights);
  const sensitivities = await measureSensitivity({ ...options, weights }, (layer) =>
    budgetFormats(options.scheme, layer),
  );
  const layers = await allLayers(options.modelDirectory);
  const choosing = layers.map((layer): ChoosingLayer<Layer, WeightFormat> => {
    const measured = sensitivities.filter(
      (damage) => damage.graph === layer.graph && damage.layer === layer.weight,
    );
    const choice = (
      format: WeightFormat,
      damage: number,
    ): ChoosingLayer<Layer, WeightFormat>["choices"][0] => ({
      format,
      bytes: layerBytes(layer, format, weights),
      damage,
    });
    return {
      key: layer,
      choices: [
        choice("float32", 0),
        ...budgetFormats(options.scheme, layer).map((format) =>
          choice(format, measured.find((damage) => damage.format === format)?.divergence ?? Infinity),
        ),
      ],
    };
  });
  const chosen = chooseFormats(choosing, budget - overhead);
  const of = (name: GraphName): ReadonlyMap<string, WeightFormat> =>
    new Map(
      [...chosen.formats]
        .filter(([layer]) => layer.graph === name)
        .map(([{ weight }, format]) => [weight, format]),
    );
  return {
    formats: Object.fromEntries(GRAPH_NAMES.map((name) => [name, of(name)])),
    weights,
    bytes: chosen.bytes + overhead,
    divergence: chosen.damage,
    layers: sensitivities,
  };
}

async function allLayers(directory: string): Promise<readonly Layer[]> {
  const model = await readDeviceModel(directory);
  const found: Layer[] = [];
  for (const { name, graph } of graphsOf(model))
    found.push(...layersOf(name, await readOnnx(resolveInside(directory, graph.file))));
  return found;
}

/**
 * Measures the bytes of a quantized model that do not depend on formats, by quantizing everything to few bits.
 *
 * Writes: a model into `scratch`, which the caller removes.
 */
export async function overheadBytes(options: SensitivityOptions, scratch: string): Promise<number> {
  const { modelDirectory, signal } = options;
  const weights: SizedWeightOptions = {
    ...withBlockSize(options.weights),
    embedding: "int4-block",
    method: "rtn",
  };
  const scheme = options.scheme === "int2-block" ? options.scheme : "int4-block";
  const { bytesAfter } = await quantizeDirectory({
    modelDirectory,
    outputDirectory: scratch,
    scheme,
    weights,
    signal,
  });
  const formatted = (await allLayers(modelDirectory)).reduce(
    (sum, layer) => sum + layerBytes(layer, layer.isTable ? "int4-block" : scheme, weights),
    0,
  );
  return bytesAfter - formatted;
}
