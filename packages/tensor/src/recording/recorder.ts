/**
 * A TensorFlow.js backend that computes nothing: every kernel becomes a node of an ONNX graph. tfjs's own autodiff then records the backward
 * pass as nodes too.
 */
import { SlmError } from "@slm/core";
import { GraphBuilder, int, ints, type AttributeValue, type OnnxDType } from "@slm/onnx";
import { tf, type Tensor } from "./tf.js";
import { dialectOf, type Dialect } from "./dialect.js";

/** The handle that tfjs passes between kernels; it contains no data. */
export interface TensorInfo {
  readonly dataId: object;
  readonly shape: number[];
  readonly dtype: tf.DataType;
}

/** Options of one recorded node. */
export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly domain?: string;
}

/** ONNX Runtime's own operators. */
export const CONTRIB = "com.microsoft";

/** The tfjs dtypes and their ONNX names. */
const DTYPE: Readonly<Partial<Record<tf.DataType, OnnxDType>>> = {
  float32: "float32",
  int32: "int32",
  bool: "bool",
};

/** Constants with more elements that all have the same value are written as ConstantOfShape. */
const LARGE_FILL = 64;

/** The ONNX name of a tfjs dtype. @throws SlmError OP_UNSUPPORTED for complex64 and string. */
export function onnxDType(dtype: tf.DataType): OnnxDType {
  const found = DTYPE[dtype];
  if (found === undefined)
    throw new SlmError("OP_UNSUPPORTED", `tracing: dtype '${dtype}' is not supported in a program`);
  return found;
}

/** One graph being recorded. */
export class Recorder {
  readonly builder: GraphBuilder;
  private readonly names = new WeakMap<object, string>();
  private readonly constants = new WeakMap<object, tf.TypedArray>();
  /** Nodes of the products that can be computed in a lower precision. */
  readonly products = new Set<string>();
  readonly #exact = new Set<string>();
  #inFloat32 = 0;
  /** Whether this trace computes no gradient, so ops may record operators without a backward pass. */
  readonly isForwardOnly: boolean;
  /** Operators of the graph's provider. */
  readonly dialect: Dialect;

  constructor(name: string, options: { readonly forwardOnly?: boolean; readonly provider?: string } = {}) {
    this.builder = new GraphBuilder(name);
    this.isForwardOnly = options.forwardOnly ?? false;
    this.dialect = dialectOf(options.provider ?? "cpu");
  }

  /** The name of the graph value of a tensor. */
  nameOf(tensor: { readonly dataId: object }): string {
    const name = this.names.get(tensor.dataId);
    if (name === undefined) {
      throw new SlmError("UNEXPECTED", "tracing: a tensor created outside this trace is used inside it");
    }
    return name;
  }

  /** A handle for a graph value. */
  info(value: string, shape: readonly number[], dtype: tf.DataType): TensorInfo {
    const dataId = {};
    this.names.set(dataId, value);
    return { dataId, shape: [...shape], dtype };
  }

  /** A tfjs tensor that represents a graph value. */
  tensor(value: string, shape: readonly number[], dtype: tf.DataType = "float32"): Tensor {
    const info = this.info(value, shape, dtype);
    // tfjs declares a data id as a branded class, although any object works as the key.
    return tf.engine().makeTensorFromTensorInfo(info);
  }

  /** Values of a constant tensor, undefined when the tensor is computed. */
  constantValues(tensor: { readonly dataId: object }): tf.TypedArray | undefined {
    return this.constants.get(tensor.dataId);
  }

  /** Adds a constant and returns its handle. */
  constant(values: tf.TypedArray, shape: readonly number[], dtype: tf.DataType): TensorInfo {
    const first = values[0] ?? 0;
    const filled = values.length > LARGE_FILL && values.every((value) => value === first);
    const value = filled
      ? this.fill(first, shape, dtype)
      : this.builder.constant(onnxDType(dtype), shape, values);
    const info = this.info(value, shape, dtype);
    this.constants.set(info.dataId, values);
    return info;
  }

  /** A tensor with one repeated number; large ones are created at run time instead of being stored. */
  fill(value: number, shape: readonly number[], dtype: tf.DataType): string {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const array =
      dtype === "float32"
        ? Float32Array.of(value)
        : dtype === "int32"
          ? Int32Array.of(value)
          : Uint8Array.of(value);
    if (size <= LARGE_FILL) {
      return this.builder.constant(onnxDType(dtype), shape, new Array<number>(size).fill(value));
    }
    const scalar = this.builder.constant(onnxDType(dtype), [1], array);
    return this.builder.op("Expand", [scalar, this.builder.ints(shape)]);
  }

  /** Records one node over tensors and returns a tensor for its only output. */
  record(
    opType: string,
    inputs: readonly (Tensor | string)[],
    shape: readonly number[],
    options: NodeOptions = {},
  ): Tensor {
    return this.tensor(this.op(opType, inputs, options), shape);
  }

  /** Records one node and returns the name of its only output. */
  op(opType: string, inputs: readonly (Tensor | TensorInfo | string)[], options: NodeOptions = {}): string {
    return this.builder.op(
      opType,
      inputs.map((input) => (typeof input === "string" ? input : this.nameOf(input))),
      options,
    );
  }

  /** Runs a body whose products stay in float32, whatever the precision of the program is. */
  inFloat32<T>(body: () => T): T {
    this.#inFloat32++;
    try {
      return body();
    } finally {
      this.#inFloat32--;
    }
  }

  /** Keeps products of this value in float32. */
  keepExact(value: string): string {
    this.#exact.add(value);
    return value;
  }

  /**
   * Registers a node as a product that can be computed in a lower precision. Products with a row or a column are sums (of norms, biases, losses)
   * and stay in float32.
   *
   * @param shape shape of the result
   */
  markProduct(value: string, shape: readonly number[], operands: readonly (Tensor | TensorInfo)[]): string {
    const isSum = shape.at(-1) === 1 || shape.at(-2) === 1;
    const isExact = operands.some((operand) => this.#exact.has(this.nameOf(operand)));
    if (this.#inFloat32 === 0 && !isSum && !isExact) this.products.add(value);
    return value;
  }

  /** Matrix product of the last two axes with optional transposes and a scale, in one operator. */
  matMul(
    a: Tensor | TensorInfo,
    b: Tensor | TensorInfo,
    flags: { transposeA?: boolean; transposeB?: boolean; scale?: number },
  ): string {
    const attributes: Record<string, AttributeValue> = {
      transA: int(flags.transposeA === true ? 1 : 0),
      transB: int(flags.transposeB === true ? 1 : 0),
    };
    if (flags.scale !== undefined) attributes["alpha"] = { kind: "float", value: flags.scale };
    const sides = [
      a.shape.at(flags.transposeA === true ? -1 : -2)!,
      b.shape.at(flags.transposeB === true ? -2 : -1)!,
    ];
    const mark = (value: string): string => this.markProduct(value, sides, [a, b]);
    if (a.shape.length === 2 && b.shape.length === 2) return mark(this.op("Gemm", [a, b], { attributes }));
    if (this.dialect.fusedMatMul)
      return mark(this.op("FusedMatMul", [a, b], { attributes, domain: CONTRIB }));
    const left = flags.transposeA === true ? this.#swapped(a) : a;
    const product = mark(this.op("MatMul", [left, flags.transposeB === true ? this.#swapped(b) : b]));
    return flags.scale === undefined
      ? product
      : this.op("Mul", [product, this.builder.constant("float32", [], [flags.scale])]);
  }

  /** With the last two axes exchanged. */
  #swapped(x: Tensor | TensorInfo): string {
    const axes = [...x.shape.keys()];
    const perm = [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!];
    return this.op("Transpose", [x], { attributes: { perm: ints(perm) } });
  }
}

let current: Recorder | undefined;

/** The recorder of the trace in progress, undefined when tensors hold values. */
export function activeRecorder(): Recorder | undefined {
  return current;
}

/** Runs a body with tensors that record into `recorder`. Traces are synchronous and do not nest. */
export function withRecorder<T>(recorder: Recorder, body: () => T): T {
  if (current !== undefined) throw new SlmError("UNEXPECTED", "tracing: a trace is already in progress");
  // Undefined before any backend was used, although the tfjs types exclude that.
  const previous = tf.getBackend() as string | undefined;
  void tf.setBackend(RECORDING_BACKEND);
  current = recorder;
  try {
    return tf.tidy(() => body() as never);
  } finally {
    current = undefined;
    if (previous !== undefined && previous !== "") void tf.setBackend(previous);
  }
}

export const RECORDING_BACKEND = "slm-recording";

/** The storage functions of the backend: constants are written into the graph, computed values cannot be read. */
export class RecordingBackend extends tf.KernelBackend {
  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    if (current === undefined) throw new SlmError("UNEXPECTED", "tracing: no trace is in progress");
    return current.constant(toTypedArray(values, dtype), shape, dtype).dataId;
  }
  override readSync(dataId: object): tf.backend_util.TypedArray {
    const values = current?.constantValues({ dataId });
    if (values === undefined) {
      const name = current?.nameOf({ dataId }) ?? "a tensor";
      throw new SlmError("OP_UNSUPPORTED", `tracing: a program cannot branch on the value of '${name}'`);
    }
    return values;
  }
  override numDataIds(): number {
    return 0;
  }
  override disposeData(): boolean {
    return true;
  }
  override incRef(): void {
    // Graph values are never freed during a trace.
  }
  override refCount(): number {
    return 1;
  }
  override floatPrecision(): 16 | 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
}

function toTypedArray(values: tf.backend_util.BackendValues, dtype: tf.DataType): tf.TypedArray {
  const numbers = Array.from(values as ArrayLike<number>, Number);
  if (dtype === "float32") return Float32Array.from(numbers);
  if (dtype === "int32") return Int32Array.from(numbers);
  return Uint8Array.from(numbers);
}
