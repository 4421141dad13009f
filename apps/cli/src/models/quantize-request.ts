/** From the options of `quantize` to what the package of quantization is asked. */
import { withFixedSizes } from "@slm/devices";
import type { SchemeName } from "@slm/devices/table";
import { GRAPH_NAMES } from "@slm/exported-model";
import { SlmError } from "@slm/core/errors";
import {
  hasFourBits,
  isStatic,
  parseBytes,
  type BlockMethod,
  type BlockSize,
  type CalibrationMethod,
  type DirectoryCalibration,
  type PerGraph,
  type QuantizeDirectoryOptions,
  type QuantizeFileOptions,
  type WeightFormat,
} from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import { readFeeds, readTokenPairs } from "./calibration-rows.js";
import { resolveReduceRange, type ReduceRange } from "./reduce-range.js";
import { parseSizes } from "./parse-sizes.js";

/** How to quantize. What is not said is chosen by the scheme. */
export interface QuantizeSettings {
  /** Weight formats of the graphs. */
  readonly scheme: SchemeName;
  /** How 4-bit codes are chosen. Default: `gptq` with calibration rows (not in large models), else `search`. */
  readonly method?: BlockMethod | undefined;
  /** Weights that share one scale. Default: 32; narrow 4-bit matrices without calibration: 16. */
  readonly blockSize?: BlockSize | undefined;
  /** Blocks without zero points. */
  readonly symmetric?: boolean | undefined;
  /** Format of the embedding and of a head that shares it. Default: the scheme's, 8 bits for 4. */
  readonly embedding?: WeightFormat | undefined;
  /** int8 weights in 7 bits, right on every CPU. Default `auto`: not for target npu. `this-cpu`: if this one needs it. */
  readonly reduceRange?: ReduceRange | undefined;
  /** JSONL file of rows; for an .onnx file, a directory of .safetensors files, one per run. */
  readonly calibration?: string | undefined;
  /** Calibration rows used, spread over all. Default: 1024, with images 256. */
  readonly calibrationRows?: number | undefined;
  /** Static schemes: how ranges of activations are chosen. Default: `minmax`. */
  readonly calibrate?: CalibrationMethod | undefined;
  /** Share of numbers that the method `percentile` keeps [%]. Default: 99.999. */
  readonly percentile?: number | undefined;
  /** SmoothQuant migration strength, 0 to 1; 0.5 is usual. Default: none. */
  readonly smooth?: number | undefined;
  /** Weights (static schemes: nodes) that stay float32. */
  readonly exclude?: readonly string[] | undefined;
  /** Largest model, such as `2MB`: each layer gets 4 bits, 8 bits or float32. */
  readonly budget?: string | undefined;
  /** Ranks layers by the damage each does alone; a gate that fails then keeps the worst in float32. */
  readonly sensitivity?: boolean | undefined;
  /** Sizes of an .onnx file's inputs, `x=1,3,48,320`, or of its symbols, `batch=1`. */
  readonly shapes?: readonly string[] | undefined;
}

type Settings = Pick<
  QuantizeDirectoryOptions,
  "scheme" | "method" | "blockSize" | "symmetric" | "embedding" | "reduceRange"
>;

/** What does not depend on the kind of model. */
export async function weightSettings(settings: QuantizeSettings): Promise<Settings> {
  const { scheme, method, symmetric = false, blockSize, embedding, reduceRange = "auto" } = settings;
  return {
    scheme,
    symmetric,
    reduceRange: await resolveReduceRange(reduceRange),
    method,
    blockSize,
    embedding,
  };
}

/** How calibration data are used. */
function calibrationSettings({
  calibrate,
  percentile,
  smooth,
}: QuantizeSettings): Pick<DirectoryCalibration, "method" | "percentile" | "smooth"> {
  return {
    method: calibrate,
    percentile,
    smooth,
  };
}

type Flag = "--method" | "--embedding" | "--block-size" | "--symmetric" | "--calibrate" | "--percentile";

/** The flags of a scheme's own kind, and whether the scheme reads them; one that nobody reads is rejected, not ignored. */
function unreadFlag(settings: QuantizeSettings): Flag | undefined {
  const { scheme, method, embedding, symmetric = false, blockSize, percentile, calibrate } = settings;
  const isWeights = !isStatic(scheme);
  const mayHaveFourBits = hasFourBits(scheme) || embedding === "int4-block" || settings.budget !== undefined;
  const rows: readonly (readonly [Flag, boolean, boolean])[] = [
    ["--method", method !== undefined, mayHaveFourBits],
    ["--embedding", embedding !== undefined, isWeights],
    ["--block-size", blockSize !== undefined, isWeights],
    ["--symmetric", symmetric, isWeights],
    ["--calibrate", calibrate !== undefined, !isWeights],
    ["--percentile", percentile !== undefined, !isWeights && calibrate === "percentile"],
  ];
  return rows.find(([, isGiven, isRead]) => isGiven && !isRead)?.[0];
}

/** Rejects what asks for data that were not given, and flags that would be ignored. @throws SlmError USAGE */
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
    settings.smooth === undefined ? undefined : "--smooth",
    settings.budget === undefined ? undefined : "--budget",
    settings.sensitivity === true ? "--sensitivity" : undefined,
  ].find((flag) => flag !== undefined);
  if (asking !== undefined && settings.calibration === undefined) {
    throw new SlmError("USAGE", `${asking} needs real data: expected --calibration, got none`, {
      suggestions: [`${asking} --calibration train.jsonl`],
    });
  }
  if (settings.budget !== undefined) {
    parseBytes(settings.budget);
    if (isStatic(settings.scheme)) {
      throw new SlmError(
        "USAGE",
        `--budget chooses formats of weights, --scheme ${settings.scheme} has one for all`,
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
    ...(await weightSettings(settings)),
    exclude: exclude.length === 0 ? undefined : everyGraph(excluded),
    formats: exclude.length === 0 ? undefined : everyGraph(keptFormats(exclude)),
    calibration:
      calibration === undefined
        ? undefined
        : {
            runtime,
            pairs: await readTokenPairs(calibration, modelDirectory, settings.calibrationRows),
            ...calibrationSettings(settings),
          },
  };
}

/** The same for each graph: names say which one is meant. */
const everyGraph = <Value>(value: Value): PerGraph<Value> =>
  Object.fromEntries(GRAPH_NAMES.map((name) => [name, value]));

const keptFormats = (names: readonly string[]): ReadonlyMap<string, WeightFormat> =>
  new Map(names.map((name) => [name, "float32"]));

/** The request for a external ONNX file. @throws SlmError USAGE for flags that need one of our models */
export async function fileOptions(
  settings: QuantizeSettings,
  input: string,
  runtime: Runtime,
): Promise<Omit<QuantizeFileOptions, "output">> {
  if (settings.budget !== undefined || settings.sensitivity === true) {
    throw new SlmError(
      "USAGE",
      `${input}: --budget and --sensitivity judge exported models, not ONNX files`,
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
    ...(await weightSettings(settings)),
    exclude: exclude.length === 0 ? undefined : new Set(exclude),
    calibration:
      calibration === undefined
        ? undefined
        : {
            runtime,
            feeds: await readFeeds(calibration, settings.calibrationRows),
            ...calibrationSettings(settings),
          },
  };
}

/** Sizes of models that slm exported are chosen when they are exported. @throws SlmError USAGE where some are given */
export function rejectShapes(shapes: readonly string[] | undefined, path: string): void {
  const [first] = shapes ?? [];
  if (first === undefined) return;
  throw new SlmError("USAGE", `--shape ${first}: sizes are fixed of an ONNX file, ${path} is none`, {
    suggestions: ["slm export CHECKPOINT --target npu --buckets 16,32", "leave --shape out"],
  });
}

/** A external model has no task to be measured on. @throws SlmError USAGE where a gate was asked for */
export function rejectGate(gate: string | undefined, path: string): void {
  if (gate === undefined) return;
  throw new SlmError(
    "USAGE",
    `--gate ${gate}: ${path} is an ONNX file without a tokenizer; its outputs are compared`,
    {
      suggestions: ["leave --gate out and read 'outputs' of --json"],
    },
  );
}

/** Graphs of another layout are quantized without data. @throws SlmError USAGE naming the first flag that asks for some */
export function rejectData(
  settings: QuantizeSettings & { readonly gate?: string | undefined; readonly data?: string | undefined },
  path: string,
): void {
  const { calibration, gate, data, budget, sensitivity = false, exclude = [], smooth } = settings;
  const given: Readonly<Record<string, boolean>> = {
    "--gate": gate !== undefined,
    "--data": data !== undefined,
    "--calibration": calibration !== undefined,
    "--budget": budget !== undefined,
    "--sensitivity": sensitivity,
    "--exclude": exclude.length > 0,
    "--smooth": smooth !== undefined,
  };
  const flag = Object.keys(given).find((name) => given[name]);
  if (flag === undefined) return;
  throw new SlmError(
    "USAGE",
    `${flag}: ${path} is of layout transformers.js, which is quantized without data`,
    {
      suggestions: [`leave ${flag} out`, "slm export CHECKPOINT -o MODEL && slm quantize MODEL ..."],
    },
  );
}
