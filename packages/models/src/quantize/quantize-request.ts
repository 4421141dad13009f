/** Checks the options of `quantize`, and converts them to requests to the quantization package. */
import { withFixedSizes } from "@slm/analysis";
import type { SchemeName, WeightOptions } from "@slm/devices";
import { GRAPH_NAMES } from "@slm/exported-model";
import { SlmError } from "@slm/core/errors";
import {
  hasFewBits,
  isStatic,
  parseBytes,
  schemes,
  type PerGraph,
  type QuantizeDirectoryOptions,
  type QuantizeFileOptions,
  type WeightFormat,
} from "@slm/quantization";
import type { FileSettings } from "@slm/data";
import type { Runtime } from "@slm/runtime";
import { readFeeds, readTokenPairs } from "../rows/calibration-rows.js";
import { parseSizes } from "../parse-sizes.js";

/** Quantization options. Defaults depend on the scheme. */
export interface QuantizeSettings extends WeightOptions {
  /** Weight formats of the graphs. */
  readonly scheme: SchemeName;
  /** JSONL file of calibration rows; for an .onnx file, a directory of .safetensors files, one per run. */
  readonly calibration?: string | undefined;
  /** Number of calibration rows, spread evenly over the file. Default: 1024; with images 256. */
  readonly calibrationRows?: number | undefined;
  /** How to read files of rows. Default: the settings of the model's recipe. */
  readonly rows?: FileSettings | undefined;
  /** Weights (static schemes: nodes) that stay float32. */
  readonly exclude?: readonly string[] | undefined;
  /** Size limit of the model, such as `2MB`: each layer gets 4 bits, 8 bits or float32; with `int2-block` also 2 bits. */
  readonly budget?: string | undefined;
  /**
   * Ranks layers by their sensitivity (the loss when only that layer is quantized). If the gate fails, the most sensitive layers stay
   * float32.
   */
  readonly sensitivity?: boolean | undefined;
  /** Sizes of an .onnx file's inputs, `x=1,3,48,320`, or of its dynamic axes, `batch=1`. */
  readonly shapes?: readonly string[] | undefined;
}

/** Options that do not depend on the kind of model. */
export function weightSettings(
  settings: QuantizeSettings,
): Pick<QuantizeDirectoryOptions, "scheme" | "weights"> {
  const { scheme, method, symmetric, blockSize, embedding } = settings;
  return { scheme, weights: { method, symmetric, blockSize, embedding } };
}

type Flag =
  "--method" | "--embedding" | "--block-size" | "--symmetric" | "--sensitivity" | "--budget" | "--exclude";

/** The first flag that this scheme does not use. Such a flag is rejected, not ignored. */
function unreadFlag(settings: QuantizeSettings): Flag | undefined {
  const { scheme, method, embedding, symmetric = false, blockSize } = settings;
  const { sensitivity = false, budget, exclude = [] } = settings;
  const hasGraphs = schemes[scheme].kind !== "portable";
  const isWeights = hasGraphs && !isStatic(scheme);
  const mayHaveFewBits = hasFewBits(scheme) || embedding === "int4-block" || budget !== undefined;
  const rows: readonly (readonly [Flag, boolean, boolean])[] = [
    ["--method", method !== undefined, hasGraphs && mayHaveFewBits],
    ["--embedding", embedding !== undefined, isWeights],
    ["--block-size", blockSize !== undefined, isWeights],
    ["--symmetric", symmetric, isWeights],
    ["--sensitivity", sensitivity, hasGraphs],
    ["--budget", budget !== undefined, hasGraphs],
    ["--exclude", exclude.length > 0, hasGraphs],
  ];
  return rows.find(([, isGiven, isRead]) => isGiven && !isRead)?.[0];
}

/** Rejects options without the data that they need, and flags that would be ignored. @throws SlmError USAGE */
export function checkQuantizeSettings(settings: QuantizeSettings): void {
  const unread = unreadFlag(settings);
  if (unread !== undefined) {
    throw new SlmError("USAGE", `${unread}: --scheme ${settings.scheme} does not use it`, {
      suggestions: [`leave ${unread} out`],
    });
  }
  const asking = [
    isStatic(settings.scheme) ? `--scheme ${settings.scheme}` : undefined,
    settings.method === "gptq" ? "--method gptq" : undefined,
    settings.budget === undefined ? undefined : "--budget",
    settings.sensitivity === true ? "--sensitivity" : undefined,
  ].find((flag) => flag !== undefined);
  if (asking !== undefined && settings.calibration === undefined) {
    throw new SlmError("USAGE", `${asking} needs calibration data: expected --calibration, got none`, {
      suggestions: [`${asking} --calibration ROWS.jsonl`],
    });
  }
  if (settings.budget !== undefined) {
    parseBytes(settings.budget);
    if (isStatic(settings.scheme)) {
      throw new SlmError(
        "USAGE",
        `--budget chooses a format per layer, but --scheme ${settings.scheme} has one format for all layers`,
        { suggestions: ["--budget 2MB --scheme int4-block"] },
      );
    }
  }
}

/** The request for a model directory. */
export async function directoryOptions(
  settings: QuantizeSettings,
  modelDirectory: string,
  runtime: Runtime,
): Promise<Omit<QuantizeDirectoryOptions, "outputDirectory">> {
  const { calibration, exclude = [] } = settings;
  const excluded = new Set(exclude);
  return {
    modelDirectory,
    ...weightSettings(settings),
    exclude: exclude.length === 0 ? undefined : everyGraph(excluded),
    formats: exclude.length === 0 ? undefined : everyGraph(keptFormats(exclude)),
    calibration:
      calibration === undefined
        ? undefined
        : {
            runtime,
            pairs: await readTokenPairs(calibration, modelDirectory, settings.calibrationRows, settings.rows),
          },
  };
}

/** The same value for each graph, because node names are unique over all graphs. */
const everyGraph = <Value>(value: Value): PerGraph<Value> =>
  Object.fromEntries(GRAPH_NAMES.map((name) => [name, value]));

const keptFormats = (names: readonly string[]): ReadonlyMap<string, WeightFormat> =>
  new Map(names.map((name) => [name, "float32"]));

/** The request for a third-party ONNX file. @throws SlmError USAGE for flags that need an exported model */
export async function fileOptions(
  settings: QuantizeSettings,
  input: string,
  runtime: Runtime,
): Promise<Omit<QuantizeFileOptions, "output">> {
  if (settings.budget !== undefined || settings.sensitivity === true) {
    throw new SlmError(
      "USAGE",
      `${input}: --budget and --sensitivity need an exported model, not an ONNX file`,
      {
        suggestions: [`slm quantize EXPORT_DIR --scheme ${settings.scheme}`],
      },
    );
  }
  const { calibration, exclude = [], shapes = [] } = settings;
  const sizes = shapes.map(parseSizes);
  return {
    input,
    prepare: sizes.length === 0 ? undefined : (graph) => withFixedSizes(graph, sizes),
    ...weightSettings(settings),
    exclude: exclude.length === 0 ? undefined : new Set(exclude),
    calibration:
      calibration === undefined
        ? undefined
        : {
            runtime,
            feeds: await readFeeds(calibration, settings.calibrationRows),
          },
  };
}

/** Rejects shapes for exported models, which get their shapes at export. @throws SlmError USAGE */
export function rejectShapes(shapes: readonly string[] | undefined, path: string): void {
  const [first] = shapes ?? [];
  if (first === undefined) return;
  throw new SlmError("USAGE", `--shape ${first}: expected an ONNX file, got the model ${path}`, {
    suggestions: ["slm export CHECKPOINT --target npu --buckets 16,32", "leave --shape out"],
  });
}

/** Rejects a gate for a third-party model, which has no task metric. @throws SlmError USAGE */
export function rejectGate(gate: string | undefined, path: string): void {
  if (gate === undefined) return;
  throw new SlmError(
    "USAGE",
    `--gate ${gate}: expected a model with a tokenizer, got the ONNX file ${path}; slm compares only its outputs`,
    {
      suggestions: ["leave --gate out and read 'outputs' of --json"],
    },
  );
}

/** Rejects flags that need data, because layout transformers.js is quantized without data. @throws SlmError USAGE with the first such flag */
export function rejectData(
  settings: QuantizeSettings & { readonly gate?: string | undefined; readonly data?: string | undefined },
  path: string,
): void {
  const { calibration, gate, data, budget, sensitivity = false, exclude = [] } = settings;
  const given: Readonly<Record<string, boolean>> = {
    "--gate": gate !== undefined,
    "--data": data !== undefined,
    "--calibration": calibration !== undefined,
    "--budget": budget !== undefined,
    "--sensitivity": sensitivity,
    "--exclude": exclude.length > 0,
  };
  const flag = Object.keys(given).find((name) => given[name]);
  if (flag === undefined) return;
  throw new SlmError(
    "USAGE",
    `${flag}: ${path} has layout transformers.js, which is quantized without data`,
    {
      suggestions: [`leave ${flag} out`, "slm export CHECKPOINT -o MODEL && slm quantize MODEL ..."],
    },
  );
}
