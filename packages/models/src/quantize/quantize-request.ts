/** Checks the options of `quantize`, and converts them to requests to the quantization package. */
import { withFixedSizes } from "@slm/analysis";
import type { SchemeName, WeightOptions } from "@slm/devices";
import { SlmError } from "@slm/core/errors";
import {
  hasFewBits,
  isStatic,
  schemes,
  type QuantizeDirectoryOptions,
  type QuantizeFileOptions,
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

type Flag = "--method" | "--embedding" | "--block-size" | "--symmetric" | "--exclude";

/** The first flag that this scheme does not use. Such a flag is rejected, not ignored. */
function unreadFlag(settings: QuantizeSettings): Flag | undefined {
  const { scheme, method, embedding, symmetric = false, blockSize, exclude = [] } = settings;
  const hasGraphs = schemes[scheme].kind !== "portable";
  const isWeights = hasGraphs && !isStatic(scheme);
  const mayHaveFewBits = hasFewBits(scheme) || embedding === "int4-block";
  const rows: readonly (readonly [Flag, boolean, boolean])[] = [
    ["--method", method !== undefined, hasGraphs && mayHaveFewBits],
    ["--embedding", embedding !== undefined, isWeights],
    ["--block-size", blockSize !== undefined, isWeights],
    ["--symmetric", symmetric, isWeights],
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
  ].find((flag) => flag !== undefined);
  if (asking !== undefined && settings.calibration === undefined) {
    throw new SlmError("USAGE", `${asking} needs calibration data: expected --calibration, got none`, {
      suggestions: [`${asking} --calibration ROWS.jsonl`],
    });
  }
}

/** The request for a model directory. */
export async function directoryOptions(
  settings: QuantizeSettings,
  modelDirectory: string,
  runtime: Runtime,
): Promise<Omit<QuantizeDirectoryOptions, "outputDirectory">> {
  const { calibration, exclude = [] } = settings;
  return {
    modelDirectory,
    ...weightSettings(settings),
    exclude: new Set(exclude),
    calibration:
      calibration === undefined
        ? undefined
        : {
            runtime,
            pairs: await readTokenPairs(calibration, modelDirectory, settings.calibrationRows, settings.rows),
          },
  };
}

/** The request for a third-party ONNX file. @throws SlmError USAGE for shapes that cannot be parsed */
export async function fileOptions(
  settings: QuantizeSettings,
  input: string,
  runtime: Runtime,
): Promise<Omit<QuantizeFileOptions, "output">> {
  const { calibration, exclude = [], shapes = [] } = settings;
  const sizes = shapes.map(parseSizes);
  return {
    input,
    prepare: sizes.length === 0 ? undefined : (graph) => withFixedSizes(graph, sizes),
    ...weightSettings(settings),
    exclude: new Set(exclude),
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
  const { calibration, gate, data, exclude = [] } = settings;
  const given: Readonly<Record<string, boolean>> = {
    "--gate": gate !== undefined,
    "--data": data !== undefined,
    "--calibration": calibration !== undefined,
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
