/**
 * The ONNX nodes of each tfjs kernel that a program may use. A kernel without an entry fails at trace time with its name. Source: tfjs
 * `kernel_names.ts` for inputs and attributes, ONNX operator specifications (opset 21) for nodes.
 */
import { SlmError } from "@slm/core";
import { int } from "@slm/onnx";
import { tf } from "./tf.js";
import { concat, logSoftmax, oneHot, placesOf, sign, split } from "./dialect-operators.js";
import { segmentSum } from "./segment-sum.js";
import {
  onnxDType,
  RECORDING_BACKEND,
  RecordingBackend,
  activeRecorder,
  type Recorder,
  type TensorInfo,
} from "./recorder.js";

type Inputs = Readonly<Record<string, TensorInfo | undefined>>;
type Attributes = Readonly<Record<string, unknown>>;
type Kernel = (recorder: Recorder, inputs: Inputs, attributes: Attributes) => TensorInfo | TensorInfo[];

/** A named input; tfjs always passes the inputs its kernel declares. */
function input(inputs: Inputs, name: string): TensorInfo {
  const tensor = inputs[name];
  if (tensor === undefined) throw new SlmError("UNEXPECTED", `tracing: kernel input '${name}' is missing`);
  return tensor;
}

function numbers(attributes: Attributes, name: string): number[] {
  const value = attributes[name];
  if (typeof value === "number") return [value];
  if (Array.isArray(value) && value.every((item) => typeof item === "number")) return value;
  throw new SlmError("UNEXPECTED", `tracing: kernel attribute '${name}' should contain numbers`);
}

const number = (attributes: Attributes, name: string): number => numbers(attributes, name)[0]!;
const flag = (attributes: Attributes, name: string): boolean => attributes[name] === true;

const broadcast = (a: TensorInfo, b: TensorInfo): number[] =>
  tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);

const binary =
  (opType: string, dtype?: tf.DataType): Kernel =>
  (recorder, inputs) => {
    const a = input(inputs, "a");
    const b = input(inputs, "b");
    return recorder.info(recorder.op(opType, [a, b]), broadcast(a, b), dtype ?? a.dtype);
  };

const unary =
  (opType: string): Kernel =>
  (recorder, inputs) => {
    const x = input(inputs, "x");
    return recorder.info(recorder.op(opType, [x]), x.shape, x.dtype);
  };

/** Reductions over `axis` (all axes when empty), opset 18 form: axes are an input. */
const reduction =
  (opType: string, axisName: string): Kernel =>
  (recorder, inputs, attributes) => {
    const x = input(inputs, "x");
    const requested = attributes[axisName];
    const axes = tf.util.parseAxisParam(
      requested === undefined || requested === null
        ? x.shape.map((_, axis) => axis)
        : numbers(attributes, axisName),
      x.shape,
    );
    const keep = flag(attributes, "keepDims");
    const shape = keep
      ? x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
      : x.shape.filter((_, axis) => !axes.includes(axis));
    const value = recorder.op(opType, [x, recorder.builder.ints(axes)], {
      attributes: { keepdims: int(keep ? 1 : 0) },
    });
    return recorder.info(value, shape, x.dtype);
  };

const reshape = (recorder: Recorder, x: TensorInfo, shape: readonly number[]): TensorInfo =>
  recorder.info(recorder.op("Reshape", [x, recorder.builder.ints(shape)]), shape, x.dtype);

export const kernels: Readonly<Record<string, Kernel>> = {
  Add: binary("Add"),
  Sub: binary("Sub"),
  Multiply: binary("Mul"),
  RealDiv: binary("Div"),
  // Only for integers that are not negative, the only ones that ops divide: ONNX rounds towards zero.
  FloorDiv: binary("Div"),
  Maximum: binary("Max"),
  Minimum: binary("Min"),
  Greater: binary("Greater", "bool"),
  GreaterEqual: binary("GreaterOrEqual", "bool"),
  Less: binary("Less", "bool"),
  LessEqual: binary("LessOrEqual", "bool"),
  Equal: binary("Equal", "bool"),
  LogicalAnd: binary("And", "bool"),
  Abs: unary("Abs"),
  Floor: unary("Floor"),
  Neg: unary("Neg"),
  Erf: unary("Erf"),
  Exp: unary("Exp"),
  Log: unary("Log"),
  Tanh: unary("Tanh"),
  Sqrt: unary("Sqrt"),
  Sigmoid: unary("Sigmoid"),
  Reciprocal: unary("Reciprocal"),
  Sign: (recorder, inputs) => {
    const x = input(inputs, "x");
    return recorder.info(sign(recorder, x), x.shape, x.dtype);
  },
  Identity: unary("Identity"),
  Square: (recorder, inputs) => {
    const x = input(inputs, "x");
    return recorder.info(recorder.op("Mul", [x, x]), x.shape, x.dtype);
  },
  Rsqrt: (recorder, inputs) => {
    const x = input(inputs, "x");
    return recorder.info(recorder.op("Reciprocal", [recorder.op("Sqrt", [x])]), x.shape, x.dtype);
  },
  Select: (recorder, inputs) => {
    const t = input(inputs, "t");
    return recorder.info(
      recorder.op("Where", [input(inputs, "condition"), t, input(inputs, "e")]),
      t.shape,
      t.dtype,
    );
  },
  Sum: reduction("ReduceSum", "axis"),
  Mean: reduction("ReduceMean", "axis"),
  Max: reduction("ReduceMax", "reductionIndices"),
  Softmax: (recorder, inputs, attributes) => {
    const x = input(inputs, "logits");
    return recorder.info(
      recorder.op("Softmax", [x], { attributes: { axis: int(number(attributes, "dim")) } }),
      x.shape,
      x.dtype,
    );
  },
  LogSoftmax: (recorder, inputs, attributes) => {
    const x = input(inputs, "logits");
    return recorder.info(logSoftmax(recorder, x, number(attributes, "axis")), x.shape, x.dtype);
  },
  Cast: (recorder, inputs, attributes) => {
    const x = input(inputs, "x");
    const dtype = attributes["dtype"] as tf.DataType;
    const code = { float32: 1, int32: 6, bool: 9 }[onnxDType(dtype) as "float32" | "int32" | "bool"];
    return recorder.info(recorder.op("Cast", [x], { attributes: { to: int(code) } }), x.shape, dtype);
  },
  Reshape: (recorder, inputs, attributes) => {
    const x = input(inputs, "x");
    const size = tf.util.sizeFromShape(x.shape);
    return reshape(recorder, x, tf.util.inferFromImplicitShape(numbers(attributes, "shape"), size));
  },
  ExpandDims: (recorder, inputs, attributes) => {
    const x = input(inputs, "input");
    const dim = number(attributes, "dim");
    const shape = [...x.shape];
    shape.splice(dim < 0 ? x.shape.length + 1 + dim : dim, 0, 1);
    return reshape(recorder, x, shape);
  },
  Transpose: (recorder, inputs, attributes) => {
    const x = input(inputs, "x");
    const perm = numbers(attributes, "perm");
    const value = recorder.op("Transpose", [x], { attributes: { perm: { kind: "ints", value: perm } } });
    return recorder.info(
      value,
      perm.map((axis) => x.shape[axis]!),
      x.dtype,
    );
  },
  BatchMatMul: (recorder, inputs, attributes) => {
    const a = input(inputs, "a");
    const b = input(inputs, "b");
    const transposeA = flag(attributes, "transposeA");
    const transposeB = flag(attributes, "transposeB");
    const rows = a.shape.at(transposeA ? -1 : -2)!;
    const columns = b.shape.at(transposeB ? -2 : -1)!;
    const batch = tf.backend_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
    return recorder.info(
      recorder.matMul(a, b, { transposeA, transposeB }),
      [...batch, rows, columns],
      a.dtype,
    );
  },
  GatherV2: (recorder, inputs, attributes) => {
    const x = input(inputs, "x");
    const indices = input(inputs, "indices");
    const axis = number(attributes, "axis");
    if (number(attributes, "batchDims") !== 0)
      throw new SlmError("OP_UNSUPPORTED", "tracing: gather with batch axes");
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    return recorder.info(
      recorder.op("Gather", [x, indices], { attributes: { axis: int(axis) } }),
      shape,
      x.dtype,
    );
  },
  UnsortedSegmentSum: (recorder, inputs, attributes) =>
    segmentSum(recorder, input(inputs, "x"), input(inputs, "segmentIds"), number(attributes, "numSegments")),
  Slice: (recorder, inputs, attributes) => {
    const x = input(inputs, "x");
    const begin = numbers(attributes, "begin");
    const size = numbers(attributes, "size").map((extent, axis) =>
      extent < 0 ? x.shape[axis]! - begin[axis]! : extent,
    );
    const end = begin.map((start, axis) => start + size[axis]!);
    return recorder.info(
      recorder.op("Slice", [x, recorder.builder.ints(begin), recorder.builder.ints(end)]),
      size,
      x.dtype,
    );
  },
  PadV2: (recorder, inputs, attributes) => {
    const x = input(inputs, "x");
    const paddings = attributes["paddings"] as [number, number][];
    const pads = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)];
    const fill = recorder.builder.constant(onnxDType(x.dtype), [], [number(attributes, "constantValue")]);
    const shape = x.shape.map((size, axis) => size + paddings[axis]![0] + paddings[axis]![1]);
    return recorder.info(recorder.op("Pad", [x, recorder.builder.ints(pads), fill]), shape, x.dtype);
  },
  Concat: (recorder, inputs, attributes) => {
    const parts = Object.values(inputs).filter((part) => part !== undefined);
    const first = parts[0]!;
    const axis = tf.util.parseAxisParam(number(attributes, "axis"), first.shape)[0]!;
    const shape = [...first.shape];
    shape[axis] = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
    const names = parts.map((part) => recorder.nameOf(part));
    return recorder.info(concat(recorder, names, axis), shape, first.dtype);
  },
  SplitV: (recorder, inputs, attributes) => {
    const x = input(inputs, "x");
    const axis = tf.util.parseAxisParam(number(attributes, "axis"), x.shape)[0]!;
    const requested = attributes["numOrSizeSplits"];
    const count = typeof requested === "number" ? requested : numbers(attributes, "numOrSizeSplits");
    const sizes = typeof count === "number" ? new Array<number>(count).fill(x.shape[axis]! / count) : count;
    const names = split(recorder, recorder.nameOf(x), axis, sizes);
    return names.map((name, index) => {
      const shape = [...x.shape];
      shape[axis] = sizes[index]!;
      return recorder.info(name, shape, x.dtype);
    });
  },
  OneHot: (recorder, inputs, attributes) => {
    const indices = input(inputs, "indices");
    const depth = number(attributes, "depth");
    const value = oneHot(recorder, indices, {
      rank: indices.shape.length,
      classes: depth,
      off: number(attributes, "offValue"),
      on: number(attributes, "onValue"),
    });
    const hot = recorder.info(value, [...indices.shape, depth], "float32");
    const dtype = (attributes["dtype"] as tf.DataType | undefined) ?? "float32";
    return dtype === "float32" ? hot : kernels["Cast"]!(recorder, { x: hot }, { dtype });
  },
  TopK: (recorder, inputs, attributes) => {
    const x = input(inputs, "x");
    const k = number(attributes, "k");
    const sorted = int(flag(attributes, "sorted") ? 1 : 0);
    const [values, found] = recorder.builder.node("TopK", [recorder.nameOf(x), recorder.builder.ints([k])], {
      attributes: { axis: int(-1), largest: int(1), sorted },
      outputs: 2,
    }) as [string, string];
    const shape = [...x.shape.slice(0, -1), k];
    const indices = placesOf(recorder, x, found, k);
    return [recorder.info(values, shape, x.dtype), recorder.info(indices, shape, "int32")];
  },
  Tile: (recorder, inputs, attributes) => {
    const x = input(inputs, "x");
    const repeats = numbers(attributes, "reps");
    const value = recorder.op("Tile", [x, recorder.builder.ints(repeats)]);
    return recorder.info(
      value,
      x.shape.map((size, axis) => size * repeats[axis]!),
      x.dtype,
    );
  },
  BroadcastTo: (recorder, inputs, attributes) => {
    const x = input(inputs, "x");
    const shape = numbers(attributes, "shape");
    return recorder.info(recorder.op("Expand", [x, recorder.builder.ints(shape)]), shape, x.dtype);
  },
  Fill: (recorder, _inputs, attributes) => {
    const shape = numbers(attributes, "shape");
    const dtype = (attributes["dtype"] as tf.DataType | undefined) ?? "float32";
    return recorder.info(recorder.fill(number(attributes, "value"), shape, dtype), shape, dtype);
  },
  ZerosLike: (recorder, inputs) => {
    const x = input(inputs, "x");
    return recorder.info(recorder.fill(0, x.shape, x.dtype), x.shape, x.dtype);
  },
  OnesLike: (recorder, inputs) => {
    const x = input(inputs, "x");
    return recorder.info(recorder.fill(1, x.shape, x.dtype), x.shape, x.dtype);
  },
};

let registered = false;

/** Registers the recording backend and its kernels with tfjs, once per process. */
export function registerRecordingBackend(): void {
  if (registered) return;
  registered = true;
  tf.registerBackend(RECORDING_BACKEND, () => new RecordingBackend());
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    registerRecorded(kernelName, kernel);
  }
  // Every other tfjs kernel is rejected when a program calls it.
  for (const { kernelName } of tf.getKernelsForBackend("cpu")) {
    if (kernelName in kernels) continue;
    registerRecorded(kernelName, () => {
      throw new SlmError("OP_UNSUPPORTED", `tracing: kernel '${kernelName}' has no ONNX form`);
    });
  }
}

function registerRecorded(kernelName: string, kernel: Kernel): void {
  tf.registerKernel({
    kernelName,
    backendName: RECORDING_BACKEND,
    kernelFunc: ({ inputs, attrs }) => {
      const recorder = activeRecorder();
      if (recorder === undefined) {
        throw new SlmError("UNEXPECTED", `tracing: kernel ${kernelName} outside a trace`);
      }
      return kernel(recorder, inputs, attrs ?? {});
    },
  });
}
