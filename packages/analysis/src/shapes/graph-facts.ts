/** Facts about the values of a graph and its subgraphs. */
import type { Subgraph } from "@slm/onnx";
import { NOTHING_KNOWN, type ValueFacts } from "./facts.js";

/** Facts about the values of one graph or subgraph. */
export class GraphFacts {
  readonly #facts = new Map<string, ValueFacts>();
  readonly #bodies = new Map<Subgraph, GraphFacts>();
  readonly #outer: GraphFacts | undefined;

  constructor(outer?: GraphFacts) {
    this.#outer = outer;
  }

  /** Facts of a value of this graph or of a surrounding one. */
  of(value: string): ValueFacts {
    return this.#facts.get(value) ?? this.#outer?.of(value) ?? NOTHING_KNOWN;
  }

  /** Facts of a body of one of this graph's nodes. */
  bodyFacts(body: Subgraph): GraphFacts | undefined {
    return this.#bodies.get(body);
  }

  set(value: string, facts: ValueFacts): void {
    this.#facts.set(value, facts);
  }

  addBody(body: Subgraph, facts: GraphFacts): void {
    this.#bodies.set(body, facts);
  }

  /** Every value of this graph, without subgraphs. */
  entries(): IterableIterator<[string, ValueFacts]> {
    return this.#facts.entries();
  }
}
