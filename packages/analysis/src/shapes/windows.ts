/** Shape inference of convolution, pooling and resizing over the spatial axes of `[batch, channels, ...spatial]`. */
import { attributeOf, type OnnxDType } from "@slm/onnx";
import type { InferContext, InferRule } from "./context.js";
import { isNumber, numbersOf, unknownSizes, type Dimension, type Shape } from "./facts.js";

interface Windows {
  readonly kernel: Shape;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

function windowsOf(c: InferContext, spatial: number, kernel: Shape): Windows {
  const list = (name: string, length: number, value: number): readonly number[] =>
    c.ints(name) ?? Array.from({ length }, () => value);
  return {
    kernel: c.ints("kernel_shape") ?? kernel,
    strides: list("strides", spatial, 1),
    dilations: list("dilations", spatial, 1),
    pads: list("pads", 2 * spatial, 0),
  };
}

/** Number of windows along one axis (formula of ONNX `Conv`, `MaxPool` and `AveragePool`). */
function windowCount(
  c: InferContext,
  size: Dimension,
  axis: number,
  spatial: number,
  windows: Windows,
): Dimension {
  const kernel = windows.kernel[axis];
  const stride = windows.strides[axis] ?? 1;
  if (!isNumber(size) || !isNumber(kernel) || stride <= 0) return "";
  const autoPad = c.text("auto_pad", "NOTSET");
  if (autoPad.startsWith("SAME")) return Math.ceil(size / stride);
  const pads = autoPad === "VALID" ? 0 : (windows.pads[axis] ?? 0) + (windows.pads[axis + spatial] ?? 0);
  const reach = (windows.dilations[axis] ?? 1) * (kernel - 1) + 1;
  const room = size + pads - reach;
  if (room < 0) {
    c.problem(`a window of ${reach} does not fit ${size} elements with ${pads} of padding`);
    return "";
  }
  if (c.int("ceil_mode", 0) !== 1) return Math.floor(room / stride) + 1;
  const count = Math.ceil(room / stride) + 1;
  // The last window must start inside the data or the padding before it.
  return (count - 1) * stride >= size + (windows.pads[axis] ?? 0) ? count - 1 : count;
}

function slide(
  c: InferContext,
  data: Shape | undefined,
  channels: Dimension,
  kernel: Shape,
): Shape | undefined {
  if (data === undefined) return undefined;
  const spatial = data.slice(2);
  const windows = windowsOf(c, spatial.length, kernel);
  return [
    data[0] ?? "",
    channels,
    ...spatial.map((size, axis) => windowCount(c, size, axis, spatial.length, windows)),
  ];
}

/** Weights are `[out channels, in channels / group, ...kernel]`. */
const convolve =
  (weights: number, dtype?: (c: InferContext) => OnnxDType | undefined): InferRule =>
  (c) => {
    const filter = c.shape(weights);
    const shape = slide(c, c.shape(0), filter?.[0] ?? "", filter?.slice(2) ?? []);
    const [channels, perGroup] = [c.shape(0)?.[1], filter?.[1]];
    if (isNumber(channels) && isNumber(perGroup) && channels !== perGroup * c.int("group", 1))
      c.problem(`${channels} channels, weights of ${perGroup} in ${c.int("group", 1)} groups`);
    return [{ dtype: dtype?.(c) ?? c.input(0).dtype, shape }];
  };

const convolveTransposed: InferRule = (c) => {
  const [data, filter] = [c.shape(0), c.shape(1)];
  const dtype = c.input(0).dtype;
  if (data === undefined) return [{ dtype }];
  const spatial = data.slice(2);
  const windows = windowsOf(c, spatial.length, filter?.slice(2) ?? []);
  const added = c.ints("output_padding") ?? [];
  const wanted = c.ints("output_shape");
  const sizes = spatial.map((size, axis): Dimension => {
    const kernel = windows.kernel[axis];
    const stride = windows.strides[axis] ?? 1;
    if (wanted !== undefined) return wanted.slice(-spatial.length)[axis] ?? "";
    if (!isNumber(size) || !isNumber(kernel)) return "";
    if (c.text("auto_pad", "NOTSET").startsWith("SAME")) return size * stride;
    const reach = (windows.dilations[axis] ?? 1) * (kernel - 1) + 1;
    const pads = (windows.pads[axis] ?? 0) + (windows.pads[axis + spatial.length] ?? 0);
    return stride * (size - 1) + (added[axis] ?? 0) + reach - pads;
  });
  const perGroup = filter?.[1] ?? "";
  const channels = isNumber(perGroup) ? perGroup * c.int("group", 1) : "";
  return [{ dtype, shape: [data[0] ?? "", channels, ...sizes] }];
};

const pool: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  const result = slide(c, shape, shape?.[1] ?? "", []);
  return [
    { dtype, shape: result },
    { dtype: "int64", shape: result },
  ];
};

/** By `sizes` if given; else by `scales`, of all axes or of `axes`. */
const resize: InferRule = (c) => {
  const { dtype, shape } = c.input(0);
  if (shape === undefined) return [{ dtype }];
  const isOld = c.node.opType === "Upsample" || c.opset < 11;
  const [scaleInput, sizeInput] = isOld ? [1, 4] : [2, 3];
  const axes = c.ints("axes") ?? [...shape.keys()];
  const sizes = c.has(sizeInput) ? c.input(sizeInput).elements : undefined;
  const scales = attributeOf(c.node, "scales", "floats") ?? numbersOf(c.input(scaleInput));
  const ratio = c.text("keep_aspect_ratio_policy", "stretch");
  if (sizes !== undefined && sizes.length > 0 && ratio === "stretch")
    return [{ dtype, shape: shape.map((size, axis) => placed(axes, sizes, axis, shape.length) ?? size) }];
  if (scales === undefined || scales.length === 0) return [{ dtype, shape: unknownSizes(shape.length) }];
  const result = shape.map((size, axis) => {
    const scale = placed(axes, scales, axis, shape.length);
    if (scale === undefined || scale === 1) return size;
    return isNumber(size) && isNumber(scale) ? Math.floor(size * scale) : "";
  });
  return [{ dtype, shape: result }];
};

function placed(axes: readonly number[], list: Shape, axis: number, rank: number): Dimension | undefined {
  const place = axes.findIndex((given) => (given < 0 ? given + rank : given) === axis);
  return place === -1 ? undefined : (list[place] ?? "");
}

export const WINDOWS: Readonly<Record<string, InferRule>> = {
  Conv: convolve(1),
  ConvInteger: convolve(1, () => "int32"),
  QLinearConv: convolve(3, (c) => c.input(7).dtype),
  DeformConv: convolve(1),
  ConvTranspose: convolveTransposed,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  Resize: resize,
  Upsample: resize,
};
