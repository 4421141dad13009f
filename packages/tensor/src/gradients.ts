import { FORWARD_SCOPE } from "./engine/gradient-checkpointing.js";
import { scope } from "./ops/lowering.js";
import { tf, type Tensor } from "./recording/tf.js";

/** A scalar to differentiate, and other tensors of the same forward pass to return with it. */
export interface LossAndTerms {
  readonly loss: Tensor;
  readonly terms: Readonly<Record<string, Tensor>>;
}

/**
 * A scalar function's value and its gradient with respect to each tensor, by tfjs's reverse-mode autodiff.
 * Inside a trace the backward pass is recorded as graph nodes.
 */
export function valueAndGradients(
  loss: (parameters: readonly Tensor[]) => Tensor,
  parameters: readonly Tensor[],
): { value: Tensor; gradients: readonly Tensor[] } {
  const { value, grads } = tf.valueAndGrads((...tensors: Tensor[]) =>
    scope(FORWARD_SCOPE, () => loss(tensors)),
  )([...parameters]);
  return { value, gradients: grads };
}

/** Like {@link valueAndGradients}; also returns terms of the forward pass, which tfjs would otherwise free. */
export function termsAndGradients(
  forward: (parameters: readonly Tensor[]) => LossAndTerms,
  parameters: readonly Tensor[],
): { value: Tensor; gradients: readonly Tensor[]; terms: Readonly<Record<string, Tensor>> } {
  let kept: readonly (readonly [string, Tensor])[] = [];
  const { value, gradients } = valueAndGradients((tensors) => {
    const { loss, terms } = forward(tensors);
    kept = Object.entries(terms).map(([name, term]) => [name, tf.keep(tf.clone(term))]);
    return loss;
  }, parameters);
  // The clone belongs to the caller's scope; kept tensors belong to no scope and are freed here.
  const terms = kept.map(([name, term]) => {
    const copy = tf.clone(term);
    term.dispose();
    return [name, copy] as const;
  });
  return { value, gradients, terms: Object.fromEntries(terms) };
}
