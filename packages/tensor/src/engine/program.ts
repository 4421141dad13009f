/** A program: a function over named tensors of fixed shape, defined once and run by any engine. */
import type {
  DeviceTensor,
  GraphSource,
  HostTensor,
  LoadOptions,
  RunRequest,
  RunResult,
  Session,
} from "@slm/runtime";
import type { Precision } from "../recording/dialect.js";
import type { Tensor } from "../recording/tf.js";

export interface TensorSpec {
  readonly dtype: "float32" | "int32";
  readonly shape: readonly number[];
}

export interface ProgramDefinition {
  /** Appears in error messages and node names. */
  readonly name: string;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  /** The computation. Must not branch on tensor values. */
  readonly build: (inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
  /** True if `build` does not compute gradients; some ops then record one fused operator. */
  readonly forwardOnly?: boolean;
  /**
   * Whether the backward pass recomputes each layer's activations instead of keeping them: less memory, more compute. Engines that run programs
   * op by op ignore it.
   */
  readonly gradientCheckpointing?: boolean;
  /**
   * Number format of the program's products; everything else is computed in float32. Default: float32. Engines that run programs op by op
   * support only float32.
   */
  readonly precision?: Precision | undefined;
  /**
   * Outputs to write into the buffer of an input (output name -> input name). Tracing checks that
   * every reader of the input runs before the write.
   */
  readonly inPlace?: Readonly<Record<string, string>>;
}

/** A program ready to run. */
export interface Program {
  readonly name: string;
  run(request: RunRequest): Promise<RunResult>;
  release(): Promise<void>;
}

/** Compiles programs and owns the tensors that they share. */
export interface Engine {
  readonly name: EngineName;
  /** Where dropout masks are computed. Default: on the host, which copies them in each step. */
  readonly masks?: MaskMaker | undefined;
  compile(definition: ProgramDefinition): Promise<Program>;
  /** Loads an existing ONNX graph, which may share tensors with the programs. Absent if the engine cannot run ONNX. */
  readonly loadGraph?: (source: GraphSource, options?: LoadOptions) => Promise<Session>;
  upload(tensor: HostTensor): Promise<DeviceTensor>;
  download(tensor: DeviceTensor): Promise<HostTensor>;
  permuteRows(target: DeviceTensor, rows: readonly number[]): Promise<void>;
  release(tensors: readonly DeviceTensor[]): Promise<void>;
  close(): Promise<void>;
}

/** host: masks are inputs of a program. program: the program draws them from a key. */
export type MaskMaker = "host" | "program";

/** onnx: compiled to one ONNX graph. js: tfjs in plain JavaScript. tensorflow: tfjs-node. */
export type EngineName = "onnx" | "js" | "tensorflow";
