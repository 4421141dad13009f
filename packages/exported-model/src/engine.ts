/** The rule that chooses what runs a model: WebAssembly, or ONNX Runtime. */
import { SlmError } from "@slm/core/errors";
import type { DeviceModel } from "./device-model.js";

export const ENGINES = ["wasm", "onnxruntime"] as const;
export type EngineName = (typeof ENGINES)[number];

export interface EngineRequest {
  /** Default: the faster one by {@link chooseEngine}. */
  readonly engine?: EngineName | undefined;
  /** The device that was requested: `cpu`, `gpu`, `npu`. Default: the one that the model was exported for. */
  readonly device?: string | undefined;
  /** Whether the model runs in a browser, where ONNX Runtime is also a download. Default: only if it was exported for one. */
  readonly inBrowser?: boolean | undefined;
  /** Whether many texts are answered together, which only ONNX Runtime does in one run. Default: one at a time. */
  readonly inBatches?: boolean | undefined;
  /** Requested threads. Default: any number. */
  readonly threads?: number | undefined;
}

export interface EngineChoice {
  readonly engine: EngineName;
  /** Continues a sentence: "because ...". */
  readonly reason: string;
}

/**
 * Parameters up to which WebAssembly on one thread is faster than ONNX Runtime's quantized graphs: it is faster at 9.5M and slower at 20M
 * (docs/benchmarks/no-runtime.md).
 */
export const FASTEST_PARAMETERS = 10_000_000;

/** The same for many texts together: ONNX Runtime reads 64 texts in one run, and is faster at 1.4M, but not at 0.63M. */
export const FASTEST_IN_BATCHES = 1_000_000;

type EngineModel = Pick<DeviceModel, "name" | "target" | "parameters" | "graphs" | "portable" | "noPortable">;

/**
 * The engine for a model.
 *
 * @throws SlmError USAGE for an engine that cannot run the model
 */
export function chooseEngine(model: EngineModel, request: EngineRequest = {}): EngineChoice {
  const { engine } = request;
  const problem = wasmProblem(model, request);
  if (engine === "wasm" && problem !== undefined)
    throw new SlmError("USAGE", `${model.name}: --engine wasm: ${problem}`, {
      suggestions: ["--engine onnxruntime"],
    });
  if (model.graphs.decoder === undefined) return onlyWasm(model, problem, engine);
  if (engine !== undefined) return { engine, reason: "it was requested" };
  if (problem !== undefined) return { engine: "onnxruntime", reason: problem };
  const { threads = 1, inBatches = false, inBrowser = model.target === "web" } = request;
  if (inBrowser) return { engine: "wasm", reason: "a page then needs no ONNX Runtime" };
  if (threads > 1) return { engine: "onnxruntime", reason: `${threads} threads were requested` };
  const most = inBatches ? FASTEST_IN_BATCHES : FASTEST_PARAMETERS;
  const isSmall = model.parameters <= most;
  const millions = `${(model.parameters / 1e6).toPrecision(2)}M parameters`;
  const which = `models ${isSmall ? "of up to" : "above"} ${most / 1e6}M parameters`;
  const work = inBatches ? "answer many texts together faster on it" : "are faster on it";
  return {
    engine: isSmall ? "wasm" : "onnxruntime",
    reason: `${which} ${work}; this one has ${millions}`,
  };
}

/** The choice for a model without graphs. @throws SlmError USAGE for a request that needs them */
function onlyWasm(
  { name }: EngineModel,
  problem: string | undefined,
  engine: EngineName | undefined,
): EngineChoice {
  if (problem === undefined && engine !== "onnxruntime")
    return { engine: "wasm", reason: "scheme int8 has no graphs for ONNX Runtime" };
  const asked = problem ?? "engine onnxruntime was requested";
  throw new SlmError("USAGE", `${name}: ${asked}, but scheme int8 has no graphs for ONNX Runtime`, {
    suggestions: ["quantize the export with --scheme cpu"],
  });
}

/** Why WebAssembly cannot run a model; undefined if it can. */
function wasmProblem(
  { portable, noPortable }: EngineModel,
  { device = "cpu" }: EngineRequest,
): string | undefined {
  if (portable === undefined) return noPortable ?? "the model has no portable form";
  return device === "cpu" ? undefined : `the device is ${device}`;
}

/** An engine and why it was chosen, on one line. */
export const engineLine = ({ engine, reason }: EngineChoice): string =>
  `engine ${engine === "wasm" ? "wasm, 1 thread" : engine}, because ${reason}`;
