/** From the flags of `slm quantize` to what the library is asked. */
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
import { resolveReduceRange } from "./reduce-range.js";
import { parseSizes } from "./shape-flag.js";

/** The flags that say how to quantize. */
export interface QuantizeFlags {
  readonly scheme: SchemeName;
  readonly method?: BlockMethod | undefined;
  readonly "block-size"?: BlockSize | undefined;
  readonly symmetric: boolean;
  readonly embedding?: WeightFormat | undefined;
  readonly "reduce-range": "auto" | "on" | "off" | "this-cpu";
  readonly calibration?: string | undefined;
  readonly "calibration-rows"?: number | undefined;
  readonly calibrate?: CalibrationMethod | undefined;
  readonly percentile?: number | undefined;
  readonly smooth?: number | undefined;
  readonly exclude: readonly string[];
  readonly budget?: string | undefined;
  readonly sensitivity: boolean;
  readonly shape: readonly string[];
}

type Settings = Pick<
  QuantizeDirectoryOptions,
  "scheme" | "method" | "blockSize" | "symmetric" | "embedding" | "reduceRange"
>;

/** What does not depend on the kind of model. */
export async function weightSettings(flags: QuantizeFlags): Promise<Settings> {
  const { scheme, method, symmetric, embedding } = flags;
  const range = { auto: "auto", "this-cpu": "this-cpu", on: true, off: false } as const;
  return {
    scheme,
    symmetric,
    reduceRange: await resolveReduceRange(range[flags["reduce-range"]]),
    ...(method === undefined ? {} : { method }),
    ...(flags["block-size"] === undefined ? {} : { blockSize: flags["block-size"] }),
    ...(embedding === undefined ? {} : { embedding }),
  };
}

/** How calibration data are used. */
function calibrationSettings({
  calibrate,
  percentile,
  smooth,
}: QuantizeFlags): Pick<DirectoryCalibration, "method" | "percentile" | "smooth"> {
  return {
    ...(calibrate === undefined ? {} : { method: calibrate }),
    ...(percentile === undefined ? {} : { percentile }),
    ...(smooth === undefined ? {} : { smooth }),
  };
}

type Flag = "--method" | "--embedding" | "--block-size" | "--symmetric" | "--calibrate" | "--percentile";

/** The flags of a scheme's own kind, and whether the scheme reads them; one that nobody reads is refused, not ignored. */
function unreadFlag(flags: QuantizeFlags): Flag | undefined {
  const { scheme, method, embedding, symmetric, percentile, calibrate } = flags;
  const isWeights = !isStatic(scheme);
  const mayHaveFourBits = hasFourBits(scheme) || embedding === "int4-block" || flags.budget !== undefined;
  const rows: readonly (readonly [Flag, boolean, boolean])[] = [
    ["--method", method !== undefined, mayHaveFourBits],
    ["--embedding", embedding !== undefined, isWeights],
    ["--block-size", flags["block-size"] !== undefined, isWeights],
    ["--symmetric", symmetric, isWeights],
    ["--calibrate", calibrate !== undefined, !isWeights],
    ["--percentile", percentile !== undefined, !isWeights && calibrate === "percentile"],
  ];
  return rows.find(([, isGiven, isRead]) => isGiven && !isRead)?.[0];
}

/** Refuses what asks for data that were not given, and flags that would be ignored. @throws SlmError USAGE */
export function checkQuantizeFlags(flags: QuantizeFlags): void {
  const unread = unreadFlag(flags);
  if (unread !== undefined) {
    throw new SlmError("USAGE", `${unread}: --scheme ${flags.scheme} does not use it`, {
      suggestions: [`leave ${unread} out`],
    });
  }
  const asking = [
    isStatic(flags.scheme) ? `--scheme ${flags.scheme}` : undefined,
    flags.method === "gptq" ? "--method gptq" : undefined,
    flags.smooth === undefined ? undefined : "--smooth",
    flags.budget === undefined ? undefined : "--budget",
    flags.sensitivity ? "--sensitivity" : undefined,
  ].find((flag) => flag !== undefined);
  if (asking !== undefined && flags.calibration === undefined) {
    throw new SlmError("USAGE", `${asking} needs real data: expected --calibration, got none`, {
      suggestions: [`${asking} --calibration train.jsonl`],
    });
  }
  if (flags.budget !== undefined) {
    parseBytes(flags.budget);
    if (isStatic(flags.scheme)) {
      throw new SlmError(
        "USAGE",
        `--budget chooses formats of weights, --scheme ${flags.scheme} has one for all`,
        { suggestions: ["--budget 2MB --scheme int4-block"] },
      );
    }
  }
}

/** The request for a model directory. */
export async function directoryOptions(
  flags: QuantizeFlags,
  modelDirectory: string,
  runtime: Runtime,
): Promise<Omit<QuantizeDirectoryOptions, "outputDirectory">> {
  const { calibration, exclude } = flags;
  const excluded = new Set(exclude);
  return {
    modelDirectory,
    ...(await weightSettings(flags)),
    ...(exclude.length === 0
      ? {}
      : {
          exclude: everyGraph(excluded),
          formats: everyGraph(keptFormats(exclude)),
        }),
    ...(calibration === undefined
      ? {}
      : {
          calibration: {
            runtime,
            pairs: await readTokenPairs(calibration, modelDirectory, flags["calibration-rows"]),
            ...calibrationSettings(flags),
          },
        }),
  };
}

/** The same for each graph: names say which one is meant. */
const everyGraph = <Value>(value: Value): PerGraph<Value> =>
  Object.fromEntries(GRAPH_NAMES.map((name) => [name, value]));

const keptFormats = (names: readonly string[]): ReadonlyMap<string, WeightFormat> =>
  new Map(names.map((name) => [name, "float32"]));

/** The request for a foreign ONNX file. @throws SlmError USAGE for flags that need one of our models */
export async function fileOptions(
  flags: QuantizeFlags,
  input: string,
  runtime: Runtime,
): Promise<Omit<QuantizeFileOptions, "output">> {
  if (flags.budget !== undefined || flags.sensitivity) {
    throw new SlmError(
      "USAGE",
      `${input}: --budget and --sensitivity judge exported models, not ONNX files`,
      {
        suggestions: [`slm quantize EXPORT_DIR --scheme ${flags.scheme}`],
      },
    );
  }
  const { calibration, exclude, shape } = flags;
  const sizes = shape.map(parseSizes);
  return {
    input,
    ...(sizes.length === 0 ? {} : { prepare: (graph) => withFixedSizes(graph, sizes) }),
    ...(await weightSettings(flags)),
    ...(exclude.length === 0 ? {} : { exclude: new Set(exclude) }),
    ...(calibration === undefined
      ? {}
      : {
          calibration: {
            runtime,
            feeds: await readFeeds(calibration, flags["calibration-rows"]),
            ...calibrationSettings(flags),
          },
        }),
  };
}

/** Sizes of models that slm exported are chosen when they are exported. @throws SlmError USAGE where some are given */
export function refuseShapes(shapes: readonly string[], path: string): void {
  const [first] = shapes;
  if (first === undefined) return;
  throw new SlmError("USAGE", `--shape ${first}: sizes are fixed of an ONNX file, ${path} is none`, {
    suggestions: ["slm export CHECKPOINT --target npu --buckets 16,32", "leave --shape out"],
  });
}

/** A foreign model has no task to be measured on. @throws SlmError USAGE where a gate was asked for */
export function refuseGate(gate: string | undefined, path: string): void {
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
export function refuseData(
  flags: QuantizeFlags & { readonly gate?: string | undefined; readonly data?: string | undefined },
  path: string,
): void {
  const { calibration, gate, data, budget, sensitivity, exclude, smooth } = flags;
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
