/**
 * How a decoder-only model reads a pair: one sequence, padded on the right.
 *
 *   inputs   s1 ... sn  BOS  t1 ... tm
 *   labels    -  ...  -  t1  t2 ... EOS      (counted at m + 1 positions, from BOS on)
 */
import { createHostTensor, type HostTensor } from "@slm/runtime";

export interface SequenceTokens {
  readonly pad: number;
  readonly bos: number;
  readonly eos: number;
}

export interface SequenceBatch {
  /** int32 `[batch, length]` */
  readonly inputs: HostTensor;
  /** int32 `[batch, target]`: next token at each target position, pad beyond the end. */
  readonly labels: HostTensor;
  /** float32 `[batch · target]`: 1 where a label counts. */
  readonly mask: HostTensor;
  /** float32 scalar: how many labels count. */
  readonly count: HostTensor;
  /** int32 `[batch · target]`: row of the flattened `[batch · length]` hidden states that predicts each label. */
  readonly positions: HostTensor;
  /** Source and target tokens, padding excluded. */
  readonly tokens: number;
}

/** Lays pairs out for a program of `batch` rows, `source` + `target` positions; missing rows are padding. */
export function sequenceBatch(
  pairs: readonly { readonly source: ArrayLike<number>; readonly target: ArrayLike<number> }[],
  shape: { readonly batch: number; readonly source: number; readonly target: number },
  { pad, bos, eos }: SequenceTokens,
): SequenceBatch {
  const length = shape.source + shape.target;
  const inputs = new Int32Array(shape.batch * length).fill(pad);
  const labels = new Int32Array(shape.batch * shape.target).fill(pad);
  const mask = new Float32Array(shape.batch * shape.target);
  const positions = new Int32Array(shape.batch * shape.target);
  let counted = 0;
  let tokens = 0;
  pairs.forEach(({ source, target }, row) => {
    const start = row * length;
    inputs.set(source, start);
    inputs[start + source.length] = bos;
    inputs.set(target, start + source.length + 1);
    for (let i = 0; i < shape.target; i++) {
      const at = row * shape.target + i;
      positions[at] = start + Math.min(source.length + i, length - 1);
      if (i > target.length) continue;
      labels[at] = i < target.length ? target[i]! : eos;
      mask[at] = 1;
      counted += 1;
    }
    tokens += source.length + target.length + 1;
  });
  return {
    inputs: createHostTensor("int32", [shape.batch, length], inputs),
    labels: createHostTensor("int32", [shape.batch, shape.target], labels),
    mask: createHostTensor("float32", [shape.batch * shape.target], mask),
    count: createHostTensor("float32", [], Float32Array.of(Math.max(1, counted))),
    positions: createHostTensor("int32", [shape.batch * shape.target], positions),
    tokens,
  };
}
