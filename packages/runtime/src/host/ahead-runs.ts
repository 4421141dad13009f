/** Runs with outputs that were returned before they were computed. */
import type { CheckedGraph } from "../check-run.js";
import type { RunRequest } from "../runtime.js";

/**
 * Infers the shapes of outputs from the fed shapes: symbolic sizes of a graph's inputs also occur in its outputs.
 *
 * @returns undefined if a size cannot be inferred
 */
export function outputShapes(
  { signature, inputs, outputs }: CheckedGraph,
  { feeds, keep = [] }: Pick<RunRequest, "feeds" | "keep">,
): readonly (readonly number[])[] | undefined {
  const sizes = new Map<string, number>();
  for (const [name, { shape }] of Object.entries(feeds))
    for (const [axis, size] of signature.inputs[inputs.get(name)!]!.shape.entries())
      if (typeof size === "string" && size !== "") sizes.set(size, shape[axis]!);
  const shapes = keep.map((name) =>
    signature.outputs[outputs.get(name)!]!.shape.map((size) =>
      typeof size === "number" ? size : (sizes.get(size) ?? Number.NaN),
    ),
  );
  return shapes.flat().some(Number.isNaN) ? undefined : shapes;
}

/** Tensors that have not been computed yet, or never will be because their run failed. */
export class AheadRuns {
  readonly #runs = new Map<number, Promise<unknown>>();

  /** @param reply reply of the run that computes these tensors */
  add(tensors: readonly number[], reply: Promise<unknown>): void {
    for (const id of tensors) this.#runs.set(id, reply);
    reply.then(
      () => {
        for (const id of tensors) this.#runs.delete(id);
      },
      () => undefined, // kept for the calls that use the tensors
    );
  }

  /** The error of the run that should have computed one of these tensors, otherwise the given error. */
  async causeOf(failure: unknown, tensors: readonly number[]): Promise<unknown> {
    for (const id of tensors) {
      const cause = await this.#runs.get(id)?.then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      if (cause !== undefined) return cause.error;
    }
    return failure;
  }

  /** Whether each of these tensors exists. */
  areMade(tensors: readonly number[]): boolean {
    return tensors.every((id) => !this.#runs.has(id));
  }

  /** The tensors that exist once their runs have ended. The others are forgotten. */
  async made(tensors: readonly number[]): Promise<readonly number[]> {
    const ended = await Promise.allSettled(tensors.map(async (id) => this.#runs.get(id)));
    return tensors.filter((id, at) => {
      const isMade = ended[at]!.status === "fulfilled";
      if (!isMade) this.#runs.delete(id);
      return isMade;
    });
  }
}
