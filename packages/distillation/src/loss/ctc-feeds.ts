/** Prepares the labels of a batch for the CTC term, which aligns them with image tokens. */
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { TensorSpec } from "@slm/tensor";

export interface CtcShape {
  readonly batch: number;
  /** Largest number of decoder positions: labels and EOS. */
  readonly target: number;
  /** Tokens per image. */
  readonly frames: number;
  readonly vocabulary: number;
}

/** States of the longest row: labels, with blanks between and around them. */
const statesOf = ({ target }: CtcShape): number => 2 * (target - 1) + 1;

/** Inputs named `ctc.*`, see `CtcInputs`. */
export function ctcSpecs(shape: CtcShape): Record<string, TensorSpec> {
  const { batch, vocabulary } = shape;
  const states = statesOf(shape);
  const float = (...size: number[]): TensorSpec => ({ dtype: "float32", shape: size });
  return {
    "ctc.states": float(batch, states, vocabulary),
    "ctc.skip": float(batch, states),
    "ctc.end": float(batch, states),
    "ctc.mask": float(batch),
    "ctc.count": float(),
  };
}

/** Values of {@link ctcSpecs}. The padding token serves as blank. Rows with too many labels for the image tokens are ignored. */
export function ctcFeeds(
  labels: readonly ArrayLike<number>[],
  shape: CtcShape,
  blank: number,
): Record<string, HostTensor> {
  const { batch, target, frames, vocabulary } = shape;
  const length = statesOf(shape);
  const states = new Float32Array(batch * length * vocabulary);
  const [skip, end] = [new Float32Array(batch * length), new Float32Array(batch * length)];
  const mask = new Float32Array(batch);
  let count = 0;
  labels.forEach((row, index) => {
    const used = Math.min(row.length, target - 1);
    const first = index * length;
    let repeats = 0;
    for (let state = 0; state < 2 * used + 1; state++) {
      const at = (state - 1) / 2;
      const isLabel = state % 2 === 1;
      states[(first + state) * vocabulary + (isLabel ? row[at]! : blank)] = 1;
      if (!isLabel || at === 0) continue;
      if (row[at] === row[at - 1]) repeats += 1;
      else skip[first + state] = 1;
    }
    if (used === 0 || used + repeats > frames) return;
    end.fill(1, first + 2 * used - 1, first + 2 * used + 1);
    mask[index] = 1;
    count += used;
  });
  return {
    "ctc.states": createHostTensor("float32", [batch, length, vocabulary], states),
    "ctc.skip": createHostTensor("float32", [batch, length], skip),
    "ctc.end": createHostTensor("float32", [batch, length], end),
    "ctc.mask": createHostTensor("float32", [batch], mask),
    "ctc.count": createHostTensor("float32", [], Float32Array.of(Math.max(1, count))),
  };
}
