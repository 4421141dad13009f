import { tf, type Tensor } from "./tf.js";

/**
 * A scalar function's value and its gradient with respect to each tensor, by tfjs's reverse-mode autodiff.
 * Inside a trace the backward pass is recorded as graph nodes.
 */
export function valueAndGradients(
  loss: (parameters: readonly Tensor[]) => Tensor,
  parameters: readonly Tensor[],
): { value: Tensor; gradients: readonly Tensor[] } {
  const { value, grads } = tf.valueAndGrads((...tensors: Tensor[]) => loss(tensors))([...parameters]);
  return { value, gradients: grads };
}
