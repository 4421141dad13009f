/** Lets a program read the inputs of a model's layers, for statistics over rows. */
import type { Tensor } from "@slm/tensor";

/** Receives the input of every norm and projection, and the name of its weights, such as `decoder.layers.0.attention.output`. */
export type Observer = (name: string, x: Tensor) => void;

let current: Observer | undefined;

/** Runs `build` with an observer. @returns the result of `build` */
export function withObserver<Result>(observer: Observer, build: () => Result): Result {
  const before = current;
  current = observer;
  try {
    return build();
  } finally {
    current = before;
  }
}

/** Passes a tensor to the observer, if there is one. */
export function observe(name: string, x: Tensor): void {
  current?.(name, x);
}
