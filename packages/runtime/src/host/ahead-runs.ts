/** Runs whose outputs were handed out before they were computed. */
import type { CheckedGraph } from "../check-run.js";
import type { RunRequest } from "../runtime.js";

/**
 * Shapes of outputs, where the shapes that are fed decide them: the sizes of a graph's inputs have names, which those of its outputs share.
 *
 * @returns undefined where a size is open
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

/** Tensors that are not made yet, or never will be, because the run that was to make them failed. */
export class AheadRuns {
  readonly #runs = new Map<number, Promise<unknown>>();

  /** @param reply of the run that makes these tensors */
  add(tensors: readonly number[], reply: Promise<unknown>): void {
    for (const id of tensors) this.#runs.set(id, reply);
    reply.then(
      () => {
        for (const id of tensors) this.#runs.delete(id);
      },
      () => undefined, // kept for the calls that use the tensors
    );
  }

  /** The failure of the run that was to make one of these tensors, or else the failure that is given. */
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

  /** Whether each of these tensors is there. */
  areMade(tensors: readonly number[]): boolean {
    return tensors.every((id) => !this.#runs.has(id));
  }

  /** Those of the tensors that there are once their runs have ended; the others are forgotten. */
  async made(tensors: readonly number[]): Promise<readonly number[]> {
    const ended = await Promise.allSettled(tensors.map(async (id) => this.#runs.get(id)));
    return tensors.filter((id, at) => {
      const isMade = ended[at]!.status === "fulfilled";
      if (!isMade) this.#runs.delete(id);
      return isMade;
    });
  }
}
