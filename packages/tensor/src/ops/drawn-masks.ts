/**
 * Dropout masks that a program draws itself, so that no mask is copied to a device: element n of a batch is dropped if the n-th word of a
 * counter-based generator is below the rate.
 *
 *   word(n): y = n·key, z = y + key; x = swap(y² + y); x = swap(x² + z); x² + y        (mod 2^32, swap exchanges the halves of a word)
 *
 * Source: Widynski 2020, Squares: A Fast Counter-Based RNG (arXiv 2004.06278), with 32-bit words and two rounds before the last square. WebGPU
 * has no operators on 64-bit words, nor exclusive or and shifts, which other generators need. Here a shift is a product or a quotient, exact in
 * unsigned integers, so every provider draws the same masks. Rate and independence are tested (`e2e/drawn-masks.slow.test.ts`). Do not use the
 * generator for anything but dropout: it was not tested for that.
 */
import { SlmError } from "@slm/core";
import { int } from "@slm/onnx";
import { activeRecorder, type Recorder } from "../recording/recorder.js";
import type { Tensor } from "../recording/tf.js";

/** Words of the generator; element n of all masks of a batch reads word n. */
const WORDS = 2 ** 32;
const HALF = 2 ** 16;
const UINT32 = 12;

interface Draw {
  readonly recorder: Recorder;
  /** uint32 scalar. */
  readonly key: string;
  readonly rate: number;
}

/**
 * Draws the masks of a batch. Each mask is recorded where it is used, so a layer that is recomputed draws its masks again instead of keeping
 * them.
 *
 * Shapes: key int32 `[]`, odd and not negative, different for every batch; masks float32, 0 or 1 / (1 - rate).
 *
 * @throws SlmError CONFIG_INVALID for more elements than the generator has words; UNEXPECTED outside of a trace
 */
export function drawnMasks(
  key: Tensor,
  shapes: readonly (readonly number[])[],
  rate: number,
): readonly (() => Tensor)[] {
  const recorder = activeRecorder();
  if (recorder === undefined)
    throw new SlmError("UNEXPECTED", "dropout: masks can be drawn only in traced programs");
  const draw = { recorder, rate, key: recorder.op("Cast", [key], { attributes: { to: int(UINT32) } }) };
  let words = 0;
  const masks = shapes.map((shape) => {
    const first = words;
    words += shape.reduce((product, size) => product * size, 1);
    return () => drawMask(draw, shape, first);
  });
  if (words <= WORDS) return masks;
  throw new SlmError(
    "CONFIG_INVALID",
    `training: the dropout masks of a batch have ${words} elements, expected at most ${WORDS}`,
    { suggestions: ["lower batchSize and raise gradientAccumulationSteps in the recipe"] },
  );
}

function drawMask({ recorder, key, rate }: Draw, shape: readonly number[], first: number): Tensor {
  const { builder } = recorder;
  const scalar = (value: number): string => builder.constant("uint32", [], [value]);
  const add = (a: string, b: string): string => builder.op("Add", [a, b]);
  const multiply = (a: string, b: string): string => builder.op("Mul", [a, b]);
  const swap = (x: string): string => add(builder.op("Div", [x, scalar(HALF)]), multiply(x, scalar(HALF)));
  const squarePlus = (x: string, y: string): string => add(multiply(x, x), y);

  // n·key as the sum of a row's part and a column's part, so that no counter of the mask's size is stored.
  const width = shape.at(-1)!;
  const rows = shape.reduce((product, size) => product * size, 1) / width;
  const counters = (values: readonly number[], sizes: readonly number[]): string =>
    multiply(builder.constant("uint32", sizes, values), key);
  const row = add(
    counters(
      [...Array(rows).keys()].map((at) => (at * width) % WORDS),
      [...shape.slice(0, -1), 1],
    ),
    multiply(scalar(first % WORDS), key),
  );
  const y = add(row, counters([...Array(width).keys()], [width]));
  const z = add(y, key);
  const word = squarePlus(swap(squarePlus(swap(squarePlus(y, y)), z)), y);
  const isDropped = builder.op("Less", [word, scalar(Math.round(rate * WORDS))]);
  const values = [0, 1 / (1 - rate)].map((value) => builder.constant("float32", [], [value]));
  return recorder.tensor(builder.op("Where", [isDropped, ...values]), shape);
}
