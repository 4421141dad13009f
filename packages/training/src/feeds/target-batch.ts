/** Host side of a decoder pass: shifted targets, labels, and the loss mask. */
import { createHostTensor, type HostTensor } from "@slm/runtime";

interface Marks {
  readonly pad: number;
  readonly bos: number;
  readonly eos: number;
}

interface TargetShape {
  readonly batch: number;
  readonly target: number;
}

/** Decoder inputs `[bos, t1, ...]` and their labels, see {@link labelFeeds}, with names that start with `prefix`. */
export function targetFeeds(
  prefix: string,
  targets: readonly ArrayLike<number>[],
  shape: TargetShape,
  marks: Marks,
): { feeds: Record<string, HostTensor>; lossTokens: number } {
  const inputs = new Int32Array(shape.batch * shape.target).fill(marks.pad);
  targets.forEach((target, row) => {
    const start = row * shape.target;
    inputs[start] = marks.bos;
    for (let i = 1; i < Math.min(target.length + 1, shape.target); i++) inputs[start + i] = target[i - 1]!;
  });
  const { feeds, lossTokens } = labelFeeds(prefix, targets, shape, marks);
  const tensor = createHostTensor("int32", [shape.batch, shape.target], inputs);
  return { feeds: { ...feeds, [`${prefix}.target`]: tensor }, lossTokens };
}

/**
 * Labels `[t1, ..., eos]`, their loss mask and its sum, with names that start with `prefix`. A target that fills the program's width without EOS
 * (cut off while sampling) has no EOS label.
 */
export function labelFeeds(
  prefix: string,
  targets: readonly ArrayLike<number>[],
  shape: TargetShape,
  { pad, eos }: Marks,
): { feeds: Record<string, HostTensor>; lossTokens: number } {
  const size = shape.batch * shape.target;
  const labels = new Int32Array(size).fill(pad);
  const mask = new Float32Array(size);
  let lossTokens = 0;
  targets.forEach((target, row) => {
    const start = row * shape.target;
    for (let i = 0; i < Math.min(target.length + 1, shape.target); i++) {
      labels[start + i] = i < target.length ? target[i]! : eos;
      mask[start + i] = 1;
      lossTokens += 1;
    }
  });
  return {
    feeds: {
      [`${prefix}.labels`]: createHostTensor("int32", [size], labels),
      [`${prefix}.mask`]: createHostTensor("float32", [size], mask),
      [`${prefix}.count`]: createHostTensor("float32", [], Float32Array.of(Math.max(1, lossTokens))),
    },
    lossTokens,
  };
}
