/** The context of a shape inference rule: one node, the facts about its inputs, and a report of problems. */
import { attributeOf, type GraphNode } from "@slm/onnx";
import {
  NOTHING_KNOWN,
  axisOf,
  broadcast,
  isShape,
  numbersOf,
  type Shape,
  type ValueFacts,
} from "./facts.js";

/** Infers the facts of a node's outputs, in order; missing ones are unknown. */
export type InferRule = (context: InferContext) => readonly ValueFacts[];

export class InferContext {
  readonly node: GraphNode;
  /** Opset version of the node's domain. */
  readonly opset: number;
  readonly #inputs: readonly ValueFacts[];
  readonly #problem: (message: string) => void;

  constructor(
    node: GraphNode,
    opset: number,
    inputs: readonly ValueFacts[],
    problem: (message: string) => void,
  ) {
    this.node = node;
    this.opset = opset;
    this.#inputs = inputs;
    this.#problem = problem;
  }

  /** Facts of an input; empty if it is omitted. */
  input(index: number): ValueFacts {
    return this.#inputs[index] ?? NOTHING_KNOWN;
  }

  get inputs(): readonly ValueFacts[] {
    return this.#inputs;
  }

  has(index: number): boolean {
    return (this.node.inputs[index] ?? "") !== "";
  }

  shape(index: number): Shape | undefined {
    return this.input(index).shape;
  }

  int(name: string, fallback: number): number {
    return attributeOf(this.node, name, "int") ?? fallback;
  }

  ints(name: string): readonly number[] | undefined {
    return attributeOf(this.node, name, "ints");
  }

  text(name: string, fallback: string): string {
    return attributeOf(this.node, name, "string") ?? fallback;
  }

  /** Reports that the node's inputs are inconsistent. */
  problem(message: string): void {
    this.#problem(message);
  }

  /** An axis attribute, counted from the front of `rank` axes. */
  axis(name: string, fallback: number, rank: number): number | undefined {
    const given = this.int(name, fallback);
    const axis = axisOf(given, rank);
    if (axis === undefined) this.problem(`${name} ${given} of a tensor with ${rank} axes`);
    return axis;
  }

  /**
   * A list that is an attribute in older opsets and an input in newer ones: `undefined` if it is omitted,
   * `"unknown"` if it is computed at run time.
   */
  list(name: string, index: number): readonly number[] | "unknown" | undefined {
    const attribute = this.ints(name);
    if (attribute !== undefined) return attribute;
    if (!this.has(index)) return undefined;
    return numbersOf(this.input(index)) ?? "unknown";
  }

  /** The broadcast shape of several inputs. */
  broadcast(...indexes: readonly number[]): Shape | undefined {
    let result: Shape | undefined = [];
    for (const index of indexes) {
      const next = broadcast(result, this.shape(index));
      if (!isShape(next)) {
        const shapes = indexes.map((input) => `[${(this.shape(input) ?? ["?"]).join(",")}]`).join(" and ");
        this.problem(`sizes of axis ${next.clash} differ: ${shapes}`);
        return undefined;
      }
      result = next;
    }
    return result;
  }
}
