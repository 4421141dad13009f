import { coefficients, type Coefficients, type FilterName } from "./resample-coefficients.js";
import { acrossRows, alongRows } from "./resample-passes.js";
import { cut } from "../image/crop.js";
import type { PixelImage, Window } from "../image/pixel-image.js";

export { FILTERS, type FilterName } from "./resample-coefficients.js";

interface Size {
  readonly width: number;
  readonly height: number;
}

export interface ResampleRequest {
  readonly filter: FilterName;
  /** Size of the whole result [pixels]. */
  readonly width: number;
  readonly height: number;
  /** Part of the result to compute. Default: all. */
  readonly window?: Window;
}

/**
 * Resizes an image with the same results as Pillow's `resize`: antialiased, both passes rounded to 8 bits. Computes only the window.
 *
 * Source: compared with Pillow 13 (`packages/vision/fixtures/images.py`); {@link goesDownFirst} has its order of passes. Up to Pillow 12 rows
 * were always filtered first, which changes the values of images that overshoot, such as noise.
 */
export function resample(image: PixelImage, request: ResampleRequest): PixelImage {
  const { filter, width, height } = request;
  const { channels } = image;
  const window = request.window ?? { left: 0, top: 0, width, height };
  if (width === image.width && height === image.height) return cut(image, window);
  const columns = coefficients(
    filter,
    { input: image.width, output: width },
    { from: window.left, length: window.width },
  );
  const rows = coefficients(
    filter,
    { input: image.height, output: height },
    { from: window.top, length: window.height },
  );
  const data = goesDownFirst(image, request)
    ? downThenAlong(image, columns, rows)
    : alongThenDown(image, columns, rows);
  return { width: window.width, height: window.height, channels, data: new Uint8Array(data.buffer) };
}

/** Whether the vertical pass comes first: if it removes more than twice as many rows as the horizontal pass removes columns. */
const goesDownFirst = (from: Size, to: Size): boolean =>
  from.height - to.height > Math.max(0, 2 * (from.width - to.width));

function alongThenDown(image: PixelImage, columns: Coefficients, rows: Coefficients): Uint8ClampedArray {
  const { first: top, count } = needed(rows);
  const samples = columns.first.length * image.channels;
  const narrow = alongRows(image, { top, rows: count, left: 0 }, columns);
  return acrossRows(narrow, { stride: samples, offset: 0, samples, top }, rows);
}

function downThenAlong(image: PixelImage, columns: Coefficients, rows: Coefficients): Uint8ClampedArray {
  const { channels, width } = image;
  const { first: left, count } = needed(columns);
  const range = { stride: width * channels, offset: left * channels, samples: count * channels, top: 0 };
  const low = acrossRows(image.data, range, rows);
  return alongRows({ width: count, channels, data: low }, { top: 0, rows: rows.first.length, left }, columns);
}

/** The range of inputs that the outputs depend on. */
function needed({ first, count }: Coefficients): { first: number; count: number } {
  const from = first[0]!;
  return { first: from, count: first.at(-1)! + count.at(-1)! - from };
}
