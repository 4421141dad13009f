/**
 * Dropout masks that a program draws itself, so that no mask is copied to a device: element n of a batch is dropped if the n-th word of a
 * counter-based generator is below the rate.
 *
 *   word(n): y = n·key, z = y + key; x = swap(y² + y); x = swap(x² + z); x² + y        (mod 2^32, swap exchanges the halves of a word)
 *
 * Source: Widynski 2020, Squares: A Fast Counter-Based RNG (arXiv 2004.06278), with words of 32 bits and two rounds before the last square.
 * Words of 64 bits have no operator on WebGPU, nor have exclusive or and shifts, which other generators need: here a shift is a product or
 * a quotient, exact in unsigned integers, so that every provider draws the same masks. Rate and independence are tested
 * (`e2e/drawn-masks.slow.test.ts`); as random numbers for anything else than dropout it has not been.
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
 * The masks of a batch, each recorded where it is used: a layer that is computed again draws its masks again instead of keeping them.
 *
 * Shapes: key int32 `[]`, odd and not negative, another one for every batch; masks float32, 0 or 1 / (1 - rate).
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
    throw new SlmError("UNEXPECTED", "dropout: masks are drawn in traced programs alone");
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
    `training: the dropout masks of a batch have ${words} elements, at most ${WORDS} are possible`,
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

  // n·key as a row's part and a column's part, so that no counter of a mask's size is stored.
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
