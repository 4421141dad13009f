/**
 * Computes `patchRows` of `@slm/vision` in a graph: an image of any size becomes the rows that a tower reads.
 *
 * ```
 * pixels float32 [batch, 3, height, width], 0 to 255 -> uint8 -> (luminance) -> resize -> pad or cut to the tower's size
 *   -> scale, mean, deviation -> patches [batch, rows, values]
 * ```
 *
 * ONNX Runtime's antialiased `Resize` of uint8 computes as Pillow does. It filters rows and columns in the other order than `resample`, so
 * samples differ by at most one level. Images of the right size are not changed.
 */
import { SlmError } from "@slm/core";
import { float, int, ints, text } from "@slm/onnx";
import type { Recorder } from "@slm/tensor";
import { processedSize, type FilterName, type PatchReading } from "@slm/vision";
import { cast, concat, reshape, sliceAxis, transposeAxes } from "../lowerings/emit.js";

type Building = Pick<Recorder, "builder">;
type Processing = PatchReading["image"];

/** Axes of rows and columns. */
const SIDES = [2, 3] as const;

/** `Resize`'s names of filters; it has no Lanczos. */
const MODES: Readonly<Record<FilterName, string | undefined>> = {
  bilinear: "linear",
  bicubic: "cubic",
  lanczos: undefined,
};
/** Pillow's bicubic; ONNX's default is -0.75. */
const CUBIC_COEFFICIENT = -0.5;

/**
 * Emits the image preprocessing.
 *
 * @param pixels float32 `[batch, 3, height, width]`, levels from 0 to 255.
 * @returns float32 `[batch, rows, values]`, see `patchRowsShape`.
 * @throws SlmError OP_UNSUPPORTED for a filter that ONNX lacks.
 */
export function pixelPatches(recorder: Building, reading: PatchReading, pixels: string): string {
  const { image, classToken } = reading;
  const levels = image.channels === 1 ? luminance(recorder, pixels) : pixels;
  const shaped = placed(recorder, image, resized(recorder, image, cast(recorder, levels, "uint8")));
  const rows = patches(recorder, reading, normalized(recorder, image, cast(recorder, shaped, "float32")));
  if (!classToken) return rows;
  // A row of zeros before the patches.
  const { builder } = recorder;
  const zero = builder.constant("float32", [], [0]);
  return builder.op("Pad", [rows, builder.ints([1, 0]), zero, builder.ints([1])]);
}

/** `toGrey`: whole numbers below 2^24, which float32 holds exactly. */
function luminance({ builder }: Building, pixels: string): string {
  const weights = builder.constant("float32", [1, 3, 1, 1], [19595, 38470, 7471]);
  const sum = builder.op("ReduceSum", [builder.op("Mul", [pixels, weights]), builder.ints([1])]);
  const half = builder.op("Add", [sum, builder.constant("float32", [], [0x8000])]);
  return builder.op("Floor", [builder.op("Mul", [half, builder.constant("float32", [], [1 / 0x10000])])]);
}

function resized(recorder: Building, image: Processing, levels: string): string {
  const { filter, resize } = image;
  if (resize === undefined) return levels;
  const mode = MODES[filter];
  if (mode === undefined) {
    throw new SlmError("OP_UNSUPPORTED", `export: ONNX Resize has no '${filter}' filter`, {
      suggestions: ["--layout native: slm resizes images itself"],
    });
  }
  const { builder } = recorder;
  const size = resizedSize(recorder, resize, sidesOf(recorder, levels));
  return builder.op("Resize", [levels, "", "", size], {
    attributes: {
      antialias: int(1),
      axes: ints(SIDES),
      mode: text(mode),
      cubic_coeff_a: float(CUBIC_COEFFICIENT),
      coordinate_transformation_mode: text("half_pixel"),
      exclude_outside: int(1),
    },
  });
}

/** Rows and columns, int64 `[2]`. */
const sidesOf = ({ builder }: Building, value: string): string =>
  builder.op("Shape", [value], { attributes: { start: int(SIDES[0]), end: int(SIDES[1] + 1) } });

/** Size after resizing, int64 `[2]`, as in `processImage`. */
function resizedSize(recorder: Building, resize: NonNullable<Processing["resize"]>, sides: string): string {
  const { builder } = recorder;
  switch (resize.kind) {
    case "stretch":
      return builder.ints([resize.height, resize.width]);
    case "shortestEdge": {
      const scaled = builder.op("Mul", [sides, builder.ints([resize.pixels])]);
      return builder.op("Div", [scaled, builder.op("ReduceMin", [sides])]);
    }
    case "fit": {
      const numbers = (values: readonly number[]): string =>
        builder.constant("float64", [values.length], values);
      const most = numbers([resize.height, resize.width]);
      const wide = cast(recorder, sides, "float64");
      const scale = builder.op("ReduceMin", [builder.op("Div", [most, wide])]);
      const half = builder.op("Add", [builder.op("Mul", [wide, scale]), numbers([0.5])]);
      const rounded = builder.op("Max", [builder.op("Floor", [half]), numbers([1])]);
      return cast(recorder, builder.op("Min", [rounded, most]), "int64");
    }
  }
}

/** The window that the tower reads: a fitted image padded at the right and bottom, or the centre of an image. */
function placed(recorder: Building, image: Processing, levels: string): string {
  const { resize, crop } = image;
  const isFit = resize?.kind === "fit";
  if (!isFit && crop === undefined) return levels;
  const { builder } = recorder;
  const { height, width } = processedSize(image);
  const missing = builder.op("Sub", [builder.ints([height, width]), sidesOf(recorder, levels)]);
  const before = isFit ? builder.ints([0, 0]) : halfUp(recorder, missing);
  const pads = concat(recorder, [before, builder.op("Sub", [missing, before])], 0);
  const background = builder.constant("uint8", [], [isFit ? resize.background : 0]);
  // Negative pads cut.
  return builder.op("Pad", [levels, pads, background, builder.ints(SIDES)]);
}

/** Half of an integer, rounded up, also for negative numbers. */
function halfUp({ builder }: Building, value: string): string {
  const two = builder.ints([2]);
  const even = builder.op("Add", [value, builder.op("Mod", [value, two])]);
  return builder.op("Div", [even, two]);
}

/** The same float32 steps as `sampleTables`. */
function normalized(
  { builder }: Building,
  { channels, scale, mean, std }: Processing,
  levels: string,
): string {
  const perChannel = (values: readonly number[]): string =>
    builder.constant("float32", [1, channels, 1, 1], values);
  const scaled = builder.op("Mul", [levels, builder.constant("float32", [], [scale])]);
  return builder.op("Div", [builder.op("Sub", [scaled, perChannel(mean)]), perChannel(std)]);
}

/** Rows of patches. Pixels at the right and bottom that do not fill a patch are cut. */
function patches(recorder: Building, { image, patch }: PatchReading, planes: string): string {
  const { height, width } = processedSize(image);
  const [down, across] = [Math.floor(height / patch.height), Math.floor(width / patch.width)];
  const [rows, columns] = [down * patch.height, across * patch.width];
  const high = rows === height ? planes : sliceAxis(recorder, planes, [2, 0, rows]);
  const cut = columns === width ? high : sliceAxis(recorder, high, [3, 0, columns]);
  const { channels } = image;
  const apart = reshape(recorder, cut, [0, channels, down, patch.height, across, patch.width]);
  const gathered = transposeAxes(recorder, apart, [0, 2, 4, 1, 3, 5]);
  return reshape(recorder, gathered, [0, down * across, channels * patch.height * patch.width]);
}
